import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@kandle/runtime/log';
import { joinGroup } from '@kandle/testkit/other-member';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createStreamHub, type Listener, type StreamHub } from '../src/stream/hub.ts';
import { STREAM_KINDS, type StreamKind } from '../src/stream/stream-event.ts';
import { createStreams } from '../src/stream/stream-response.ts';
import { useStreamTopics } from './stream-topics.ts';

const { kafka, admin, topics, sendCandles, sendIndicators, sendSignals } = useStreamTopics('hub');
const SYMBOLS = ['SIM:A', 'SIM:B', 'SIM:C'];
const IDLE_MS = 50;
/** A member hears of a rebalance by its next heartbeat, which KafkaJS sends every 3 s. */
const WAIT = { timeout: 30_000 };

function startHub() {
  const groupId = `kandle-query-stream-${randomUUID()}`;
  const hub = createStreamHub({
    kafka,
    topics: { candles: topics.CANDLES_TOPIC, signals: topics.SIGNALS_TOPIC },
    groupId,
    idleMs: IDLE_MS,
    log: createLogger('hub-test', 'silent'),
  });
  onTestFinished(() => hub.close());
  return { hub, groupId };
}

/** One who listens, and writes down the versions of each symbol in the order in which they came. */
function startListener() {
  const heard = new Map<string, number[]>();
  const times = { missed: 0 };
  const listener: Listener = {
    onBegin: () => undefined,
    onEvent({ kind, rows }) {
      for (const { symbol, version } of rows) {
        const key = `${kind} ${symbol}`;
        // An indicator batch has a row for each of its names.
        heard.set(key, [...new Set(heard.get(key)).add(Number(version))]);
      }
    },
    onMissed: () => void (times.missed += 1),
    onEnd: () => undefined,
  };
  return {
    listener,
    missed: () => times.missed,
    versions: (kind: StreamKind) => SYMBOLS.map((symbol) => heard.get(`${kind} ${symbol}`) ?? []),
  };
}

async function sendVersion(): Promise<number> {
  const version = await sendCandles(SYMBOLS);
  await sendIndicators(SYMBOLS, version);
  return version;
}

test('a rebalance of its group loses nothing, and what Kafka deleted meanwhile is told as missed', async () => {
  const { hub, groupId } = startHub();
  const { listener, versions, missed } = startListener();
  await hub.listen(null, listener);
  const first = await sendVersion();
  await vi.waitFor(() => expect(versions('indicators')).toEqual(SYMBOLS.map(() => [first])), WAIT);
  const { own, leave } = await joinGroup(kafka, groupId, Object.values(topics));
  onTestFinished(leave);
  const second = await sendVersion();
  const [partition] = own[topics.SIGNALS_TOPIC] ?? [];
  if (partition === undefined) throw new Error('the other member has no partition of the signals');
  // To the end of the partition.
  await admin.deleteTopicRecords({
    topic: topics.SIGNALS_TOPIC,
    partitions: [{ partition, offset: '-1' }],
  });
  await leave();
  await vi.waitFor(() => expect(versions('candles')).toEqual(SYMBOLS.map(() => [first, second])), WAIT);
  const third = await sendVersion();
  await vi.waitFor(() => {
    expect(versions('candles')).toEqual(SYMBOLS.map(() => [first, second, third]));
    expect(versions('indicators').toSorted((a, b) => a.length - b.length)).toEqual([
      [first, third],
      [first, second, third],
      [first, second, third],
    ]);
  }, WAIT);
  expect(missed()).toBe(1);
});

test('who begins to listen in the moment in which the last one stops is heard of', async () => {
  const { hub } = startHub();
  const last = await hub.listen(null, startListener().listener);
  const { listener, versions } = startListener();
  const listening = hub.listen(null, listener);
  last.stop();
  await listening;
  // Longer than the consumer stays when nobody listens.
  await sleep(3 * IDLE_MS);
  const version = await sendCandles(SYMBOLS);
  await vi.waitFor(() => expect(versions('candles')).toEqual(SYMBOLS.map(() => [version])), WAIT);
});

test('one who fails to begin takes nothing from those who listen', async () => {
  const { hub, groupId } = startHub();
  const { listener, versions } = startListener();
  await hub.listen(null, listener);
  const failing: Listener = {
    ...startListener().listener,
    onBegin() {
      throw new Error('gone already');
    },
  };
  await expect(hub.listen(null, failing)).rejects.toThrow('gone already');
  await hub.listen(null, startListener().listener);
  const { groups } = await admin.describeGroups([groupId]);
  expect(groups.map(({ members }) => members.length)).toEqual([1]);
  const version = await sendCandles(SYMBOLS);
  await vi.waitFor(() => expect(versions('candles')).toEqual(SYMBOLS.map(() => [version])), WAIT);
});

test('when nobody listens any more the consumer goes, and its group with it', async () => {
  const { hub, groupId } = startHub();
  const isThere = async () => (await admin.listGroups()).groups.some((group) => group.groupId === groupId);
  const listening = await hub.listen(null, startListener().listener);
  expect(await isThere()).toBe(true);
  listening.stop();
  await vi.waitFor(async () => expect(await isThere()).toBe(false), WAIT);
});

/** Opens a stream of one kind, and reads it as it comes. */
async function openStream(
  hub: StreamHub,
  kind: StreamKind,
  { lastEventId = null, ...settings }: { lifeMs: number; commentMs: number; lastEventId?: string | null },
) {
  const streams = createStreams(hub, { ...settings, maxWaitingBytes: 1_000_000 });
  onTestFinished(() => streams.endAll());
  const { body } = await streams.open({
    kinds: new Set([kind]),
    symbols: null,
    feed: null,
    lastEventId,
  });
  if (body === null) throw new Error('a stream without a body');
  let text = '';
  const ended = (async () => {
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  return { text: () => text, ended };
}

test('a stream says how soon to come again, shows that it is alive, and ends itself', async () => {
  const { hub } = startHub();
  const { text, ended } = await openStream(hub, 'candles', { lifeMs: 300, commentMs: 40 });
  await ended;
  const [first, ...rest] = text().trimEnd().split('\n\n');
  expect(first).toBe('retry: 500');
  expect(rest.filter((one) => one === ': alive').length).toBeGreaterThan(1);
});

test('candles, indicators and signals are streamed to those who asked for them', async () => {
  const { hub } = startHub();
  const settings = { lifeMs: 60_000, commentMs: 15_000 };
  const opened = await Promise.all(STREAM_KINDS.map((kind) => openStream(hub, kind, settings)));
  const version = await sendVersion();
  await sendSignals(SYMBOLS, version);
  for (const [n, { text }] of opened.entries()) {
    const names = () => [...text().matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    await vi.waitFor(() => expect(names()).toEqual(['begin', ...SYMBOLS.map(() => STREAM_KINDS[n])]), WAIT);
    // Where it stands, in every partition, from the beginning on.
    const ids = [...text().matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
    expect(ids).toHaveLength(1 + SYMBOLS.length);
    for (const id of ids) expect(id).toMatch(/^candles=\d+,\d+,\d+;signals=\d+,\d+,\d+$/);
  }
});

test.each(['candles=999999999,0,0;signals=0,0,0', 'nonsense'])(
  'who resumes from %s, where Kafka never was, is told that something may be missing',
  async (lastEventId) => {
    const { hub } = startHub();
    const settings = { lifeMs: 60_000, commentMs: 15_000, lastEventId };
    const { text } = await openStream(hub, 'candles', settings);
    await vi.waitFor(() => expect(text()).toContain('event: missed\n'), WAIT);
  },
);
