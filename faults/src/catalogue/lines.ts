import { setTimeout as sleep } from 'node:timers/promises';
import { isWindowWrite } from '@kandle/testkit/proxy/cql-wire';
import type { TcpProxy, Weather } from '@kandle/testkit/proxy/tcp-proxy';
import type { Frame } from '@kandle/testkit/proxy/wire';
import type { Stack } from '../stack/stack.ts';
import type { Fault } from './fault.ts';

type Line = (stack: Stack) => TcpProxy;

const SPELL_MS = 8_000;
/** Of the messages that match, so many are lost while it lasts. */
const LOSS = 0.2;

const toCassandra: Line = ({ cql }) => cql;
const toKafka: Line = ({ kafka }) => kafka;
const isTransaction = ({ request }: Frame): boolean =>
  isWindowWrite(request) || request.what.startsWith('UPDATE shards SET');
const isProduce = ({ request }: Frame): boolean => request.what === 'Produce';

/** Loses messages by chance for a while. */
function losing(
  name: string,
  line: Line,
  lost: {
    readonly from: Frame['from'];
    readonly what: (frame: Frame) => boolean;
    readonly fate: 'drop' | 'cut';
  },
): Fault {
  return {
    name,
    async inject(stack, random) {
      const trap = line(stack).intercept({
        matches: (frame) => frame.from === lost.from && lost.what(frame) && random.chance(LOSS),
        fate: lost.fate,
      });
      await sleep(SPELL_MS);
      trap.release();
      if (trap.count() === 0) throw new Error(`Cannot say that ${name}: there was none in the whole time`);
    },
  };
}

function weather(name: string, line: Line, make: (chance: () => number) => Weather): Fault {
  return {
    name,
    async inject(stack, random) {
      const proxy = line(stack);
      proxy.setWeather(make(() => random.next()));
      await sleep(SPELL_MS);
      proxy.setWeather({ kind: 'clear' });
      // A line that swallowed half a conversation is of no more use.
      proxy.cut();
    },
  };
}

function cutting(name: string, line: Line): Fault {
  return {
    name,
    async inject(stack, random) {
      for (let cut = 0; cut < 5; cut++) {
        await sleep(200 + random.below(1_500));
        line(stack).cut();
      }
    },
  };
}

const halfOpen = (): Weather => ({ kind: 'half-open' });
const refused = (): Weather => ({ kind: 'refused' });
const slow = (chance: () => number): Weather => ({ kind: 'slow', delayMs: () => 1 + chance() * 20 });

/** What the proxies do between the functions (and ingest) and the servers. */
export const LINE_FAULTS: readonly Fault[] = [
  losing('answers of applied transactions are lost', toCassandra, {
    from: 'server',
    what: isTransaction,
    fate: 'drop',
  }),
  losing('requests of transactions are lost', toCassandra, {
    from: 'client',
    what: isTransaction,
    fate: 'drop',
  }),
  losing('the line is cut under transactions', toCassandra, {
    from: 'server',
    what: isTransaction,
    fate: 'cut',
  }),
  weather('the line to Cassandra is half open', toCassandra, halfOpen),
  weather('the line to Cassandra is slow', toCassandra, slow),
  weather('Cassandra refuses connections', toCassandra, refused),
  cutting('connections to Cassandra are cut again and again', toCassandra),
  losing('acknowledgements of Kafka are lost', toKafka, { from: 'server', what: isProduce, fate: 'drop' }),
  losing('produce requests are lost', toKafka, { from: 'client', what: isProduce, fate: 'drop' }),
  losing('the line is cut under acknowledgements of Kafka', toKafka, {
    from: 'server',
    what: isProduce,
    fate: 'cut',
  }),
  weather('the line to Kafka is half open', toKafka, halfOpen),
  weather('the line to Kafka is slow', toKafka, slow),
  weather('Kafka refuses connections', toKafka, refused),
  cutting('connections to Kafka are cut again and again', toKafka),
];
