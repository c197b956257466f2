import {
  defineCommand,
  flag,
  helpText,
  option,
  readCommand,
  text,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';
import { describeError } from '@kandle/runtime/errors';
import { startGenerator } from './ndjson/generator.ts';

const GENERATE = defineCommand({
  name: 'npm run generate',
  about: `Sends OHLC bars, order books and news of a made-up market as JSON lines over TCP, each at a random moment. Ctrl-C ends it.`,
  options: {
    to: option('HOST:PORT', 'connect there, again and again, instead of listening', text),
    listen: option('HOST:PORT', 'listen there, and send to whoever connects', text, '127.0.0.1:9009'),
    trades: flag('single trades with ids, instead of bars'),
    symbols: option('N', 'how many', wholeNumber(1, 5_000), '10'),
    rate: option('N', 'trades a second behind the records', wholeNumber(1, 50_000), '200'),
    seed: option('N', 'another market', wholeNumber(0, Number.MAX_SAFE_INTEGER), '1'),
  },
  notes: `Ingest reads it with VENDOR=ndjson, FEED_URL=tcp://HOST:PORT (or tcp-listen:// for --to) and NDJSON_MAPPING=bars
(or trades): docs/feeds.md.`,
});

const TELL_MS = 10_000;

/** @throws {UsageError} If it is no address. */
function addressOf(given: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(given) ?? [];
  if (host === '' || Number(port) > 65_535) throw new UsageError(`${given}: expected HOST:PORT`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

async function main(): Promise<void> {
  const values = readCommand(GENERATE, process.argv.slice(2));
  if (values === null) return void process.stdout.write(helpText(GENERATE));
  const { to, listen, trades, symbols, rate, seed } = values;
  const place = { ...addressOf(to ?? listen), way: to === null ? 'listen' : 'connect' } as const;
  const kind = trades ? 'trades' : 'bars';
  const generator = await startGenerator({ kind, symbols, rate, seed }, place, (line) => console.log(line));
  console.log(to === null ? `listening: ${generator.url}` : `sending to ${to}`);
  const telling = setInterval(() => console.log(`${generator.sent()} records sent`), TELL_MS);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      clearInterval(telling);
      void generator.close();
    });
  }
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exitCode = 1;
});
