import { MAX_SIGNAL_TEXT } from '@kandle/market/signal/signal-batch';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { signalOf, targetOf } from '../test/signals.ts';
import { formatMessage } from './messages.ts';
import type { TargetKind } from './targets.ts';

const NASTY = signalOf({
  symbol: 'IC MARKETS:1',
  text: 'up <b> & *away*\n@everyone <!channel> [x](http://evil) `code` ~no~ |spoiler| \\',
});

function bodyOf(kind: TargetKind, signal = signalOf()): unknown {
  return JSON.parse(formatMessage(targetOf({ kind }), { feed: 'sim', signal }).body);
}

test('formatMessage() tells Slack in mrkdwn', () => {
  expect(bodyOf('slack')).toEqual({
    text: '*BUY AAPL · ma-cross · 62 %*\nAAPL: the fast average crossed above the slow one\nfast 184.21 · slow 184.1 · 2026-11-25 07:20:04 UTC',
    unfurl_links: false,
  });
});

test("formatMessage() escapes Slack's control characters, so that nobody is mentioned", () => {
  expect(bodyOf('slack', NASTY)).toMatchObject({
    text: expect.stringContaining(
      '\nup &lt;b&gt; &amp; *away* @everyone &lt;!channel&gt; [x](http://evil) `code` ~no~ |spoiler| \\\n',
    ),
  });
});

test('formatMessage() tells Discord, whose markup is escaped and whose mentions are off', () => {
  expect(bodyOf('discord', NASTY)).toEqual({
    content:
      '**BUY IC MARKETS:1 · ma-cross · 62 %**\nup \\<b\\> & \\*away\\* \\@everyone \\<!channel\\> \\[x\\]\\(http://evil\\) \\`code\\` \\~no\\~ \\|spoiler\\| \\\\\nfast 184.21 · slow 184.1 · 2026-11-25 07:20:04 UTC',
    allowed_mentions: { parse: [] },
    flags: 4,
  });
});

test('formatMessage() keeps within what Discord takes, when a signal is as large as it can be', () => {
  const signal = signalOf({
    symbol: `A${'_'.repeat(63)}`,
    rule: `a${'_'.repeat(39)}`,
    text: '*'.repeat(MAX_SIGNAL_TEXT),
    numbers: Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`a${n}${'_'.repeat(29)}`, -1.234_567_89e-300]),
    ),
  });
  const corrected = { ...signal, side: 'neutral', strength: 1 } as const;
  const { body } = formatMessage(targetOf({ kind: 'discord' }), { feed: 'sim', signal, corrected });
  const { content } = JSON.parse(body) as { readonly content: string };
  expect(content.length).toBeLessThanOrEqual(2_000);
});

test('formatMessage() tells a retraction as one, in every kind', () => {
  const signal = signalOf({ state: 'retracted', strength: 0, version: 5 });
  const lines =
    'RETRACTED BUY AAPL · ma-cross*\nLate trades took this back: AAPL: the fast average crossed above the slow one\n';
  expect(bodyOf('slack', signal)).toMatchObject({ text: expect.stringContaining(`*${lines}`) });
  expect(bodyOf('discord', signal)).toMatchObject({
    content: expect.stringContaining(`**${lines.replace('*', '**')}`),
  });
  expect(bodyOf('json', signal)).toMatchObject({
    announcement: 'retraction',
    title: 'RETRACTED BUY AAPL · ma-cross',
    signal,
  });
  expect(bodyOf('cloudevents', signal)).toMatchObject({ state: 'retracted', version: 5 });
});

test('formatMessage() tells a correction as one, with what was told before, in every kind', () => {
  const { numbers } = signalOf();
  const corrected = { side: 'sell', strength: 0.8, numbers, text: 'below' } as const;
  const body = (kind: TargetKind): unknown =>
    JSON.parse(formatMessage(targetOf({ kind }), { feed: 'sim', signal: signalOf(), corrected }).body);
  const lines =
    'CORRECTED BUY AAPL · ma-cross · 62 %*\nLate trades changed this, it was SELL, 80 %: AAPL: the fast average crossed above the slow one\n';
  expect(body('slack')).toMatchObject({ text: expect.stringContaining(`*${lines}`) });
  expect(body('discord')).toMatchObject({
    content: expect.stringContaining(`**${lines.replace('*', '**')}`),
  });
  expect(body('json')).toEqual({
    announcement: 'correction',
    title: 'CORRECTED BUY AAPL · ma-cross · 62 %',
    feed: 'sim',
    signal: signalOf(),
    corrected,
  });
  expect(body('cloudevents')).toEqual({ feed: 'sim', ...signalOf() });
});

test('formatMessage() sends plain JSON with the whole signal', () => {
  expect(bodyOf('json')).toEqual({
    announcement: 'signal',
    title: 'BUY AAPL · ma-cross · 62 %',
    feed: 'sim',
    signal: signalOf(),
  });
});

test('formatMessage() makes a CloudEvent in binary mode, with the extensions that a SinkBinding wants', () => {
  const target = targetOf({ kind: 'cloudevents', name: 'sink', extensions: { team: 'desk "a" %' } });
  const { headers, body } = formatMessage(target, { feed: 'sim', signal: NASTY });
  expect(headers).toEqual({
    'content-type': 'application/json',
    'user-agent': 'kandle-notify',
    'ce-specversion': '1.0',
    'ce-id': `ma-cross:IC%20MARKETS:1:${NASTY.windowStartMs}:3`,
    'ce-source': '/feeds/sim',
    'ce-type': 'io.kandle.signal.v1',
    'ce-subject': 'IC%20MARKETS:1',
    'ce-time': '2026-11-25T07:20:04.999Z',
    'ce-team': 'desk%20%22a%22%20%25',
    'idempotency-key': `sim:ma-cross:IC%20MARKETS:1:${NASTY.windowStartMs}:3:sink`,
  });
  expect(JSON.parse(body)).toEqual({ feed: 'sim', ...NASTY });
});

test('formatMessage() adds the headers of the target, and never lets one take the place of the key', () => {
  const target = targetOf({ headers: { authorization: 'Bearer x', 'idempotency-key': 'other' } });
  const { headers } = formatMessage(target, { feed: 'sim', signal: signalOf() });
  expect(headers).toMatchObject({ authorization: 'Bearer x' });
  expect(headers['idempotency-key']).toMatch(/^sim:ma-cross:AAPL:\d+:3:desk$/);
});

test('formatMessage() makes headers and a body that HTTP and JSON carry, when the text is any', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<TargetKind>('slack', 'discord', 'json', 'cloudevents'),
      fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }),
      (kind, text) => {
        const { headers, body } = formatMessage(targetOf({ kind }), {
          feed: 'sim',
          signal: signalOf({ text }),
        });
        expect(() => new Headers({ ...headers })).not.toThrow();
        expect(JSON.parse(body)).toBeTypeOf('object');
        if (kind === 'slack') expect((JSON.parse(body) as { text: string }).text).not.toMatch(/[<>]/);
      },
    ),
  );
});
