import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadDotEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import {
  defineCommand,
  duration,
  helpText,
  option,
  readCommand,
  text,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { envsOfFeeds, FEEDS_FILE, readFeedsFile } from './feeds-file.ts';
import { startVendorFeed, VENDOR_FEEDS } from './vendor-feeds.ts';

const RECORD = defineCommand({
  name: 'npm run record',
  about: `Writes what a feed sends to a file, each frame as it came and with when it came, until Ctrl-C. It can be played by
"npm start -- --replay FILE", its parts by "--replay 'FILE.*.jsonl.gz'", whoever the vendor, and sent with a report of a bug. It needs no Kafka and no Cassandra.`,
  options: {
    feed: option(
      'NAME',
      `a feed of kandle.config.json by its name; or a made-up market: ${VENDOR_FEEDS.join(', ')}; else the Finnhub of the environment`,
      text,
    ),
    out: option('FILE', 'where to, compressed: FILE.jsonl.gz', text),
    'part-mb': option(
      'N',
      'in parts of so many megabytes, compressed: FILE.00001.jsonl.gz, FILE.00002.jsonl.gz, …',
      wholeNumber(1, 1_000_000),
    ),
    'part-time': option('DURATION', 'in parts of so long: 1h', duration()),
  },
});

const MARKET = { seed: 1, rate: 200, symbols: 10 };

/** The variables of ingest for a feed, and how to end what was started for it. */
async function chooseFeed(
  name: string | null,
): Promise<{ readonly env: Readonly<Record<string, string>>; readonly close: () => Promise<void> }> {
  const close = async (): Promise<void> => undefined;
  if (name === null) return { env: {}, close };
  const vendor = VENDOR_FEEDS.find((one) => one === name);
  if (vendor !== undefined) return startVendorFeed(vendor, MARKET, (line) => console.log(line));
  const configured = readFeedsFile(FEEDS_FILE)?.feeds.filter((feed) => feed.name === name) ?? [];
  if (configured.length === 0)
    throw new UsageError(
      `--feed ${name}: neither in kandle.config.json nor one of ${VENDOR_FEEDS.join(', ')}`,
    );
  const [env = {}] = await envsOfFeeds({ feeds: configured }, process.env);
  return { env, close };
}

function partsOf(bounds: {
  readonly 'part-mb': number | null;
  readonly 'part-time': number | null;
}): Readonly<Record<string, string>> {
  const { 'part-mb': megabytes, 'part-time': ms } = bounds;
  return {
    ...(megabytes === null ? {} : { RECORD_PART_BYTES: String(megabytes * 1_000_000) }),
    ...(ms === null ? {} : { RECORD_PART_MS: String(ms) }),
  };
}

async function main(): Promise<void> {
  const values = readCommand(RECORD, process.argv.slice(2));
  if (values === null) return void process.stdout.write(helpText(RECORD));
  if (values.out === null) throw new UsageError('--out FILE: say where to');
  loadDotEnv(join(REPO_ROOT, '.env'), (path) => readFileSync(path, 'utf8'));
  const feed = await chooseFeed(values.feed);
  const recorder = spawn(process.execPath, [join(REPO_ROOT, 'functions/ingest/src/record.ts')], {
    env: { ...process.env, ...feed.env, RECORD_FILE: values.out, ...partsOf(values) },
    stdio: 'inherit',
  });
  // Ctrl-C reaches the recorder too; it ends when its file is whole, and we after it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => recorder.kill(signal));
  await once(recorder, 'exit');
  await feed.close();
  process.exitCode = recorder.exitCode ?? 1;
}

try {
  await main();
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
