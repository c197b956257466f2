import { randomBytes } from 'node:crypto';
import type { Message } from 'kafkajs';

/** A record that no function can ever take, and what its dead letter says. */
export interface Poison {
  readonly kind: string;
  readonly status: number;
  readonly reason: RegExp;
  /** Makes it of a good record. */
  readonly spoil: (good: Message) => Message;
}

const withValue =
  (value: string | Buffer) =>
  (good: Message): Message => ({ ...good, value });
const without =
  (header: string) =>
  ({ headers, ...good }: Message): Message => ({
    ...good,
    headers: Object.fromEntries(Object.entries(headers ?? {}).filter(([key]) => key !== header)),
  });
const withHeader =
  (header: string, value: string) =>
  ({ headers, ...good }: Message): Message => ({ ...good, headers: { ...headers, [header]: value } });

/** What is poison wherever it is. */
export const COMMON: readonly Poison[] = [
  {
    kind: 'bad UTF-8',
    status: 422,
    reason: /not valid UTF-8/,
    spoil: withValue(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])),
  },
  { kind: 'no JSON', status: 422, reason: /not valid JSON/, spoil: withValue('{"records":[') },
  { kind: 'no data', status: 422, reason: /not valid JSON/, spoil: (good) => ({ ...good, value: null }) },
  {
    kind: '100-deep JSON',
    status: 422,
    reason: /nested deeper than 32 levels/,
    spoil: withValue(`${'['.repeat(100)}${']'.repeat(100)}`),
  },
  {
    kind: '__proto__',
    status: 422,
    reason: /has a key __proto__/,
    spoil: (good) => ({
      ...good,
      value: String(good.value).replace('{', '{"__proto__":{"records":[]},'),
    }),
  },
  {
    kind: 'missing ce-id',
    status: 422,
    reason: /does not take events of type dev\.knative\.kafka\.event/,
    spoil: without('ce_id'),
  },
  {
    kind: 'missing ce-type',
    status: 422,
    reason: /does not take events of type dev\.knative\.kafka\.event/,
    spoil: without('ce_type'),
  },
  {
    kind: 'wrong type',
    status: 422,
    reason: /does not take events of type io\.kandle\.nonsense\.v1/,
    spoil: withHeader('ce_type', 'io.kandle.nonsense.v1'),
  },
  {
    kind: '5 MB',
    status: 413,
    reason: /larger than \d+ bytes/,
    // Does not compress, so that it is as large on its way as it looks.
    spoil: withValue(JSON.stringify({ records: [randomBytes(2.5 * 1024 * 1024).toString('hex')] })),
  },
  {
    kind: 'plain record',
    status: 422,
    reason: /does not take events of type dev\.knative\.kafka\.event/,
    spoil: ({ key, value }) => ({ key: key ?? null, value }),
  },
  {
    kind: 'wrong content type',
    status: 415,
    reason: /not application\/json/,
    spoil: withHeader('content-type', 'application/xml'),
  },
  {
    kind: 'an attribute of the batch that is no number',
    status: 422,
    reason: /sequence: expected a whole number/,
    spoil: withHeader('ce_sequence', 'first'),
  },
  {
    kind: 'wrong shape',
    status: 422,
    reason: /Cannot read the (raw|trade) batch/,
    spoil: withValue('[1,2,3]'),
  },
];

/** What is poison among clean trades. */
export const IN_TRADES: readonly Poison[] = [
  ...COMMON,
  {
    kind: 'negative size',
    status: 422,
    reason: /has a size of 0 or less/,
    spoil: (good) => {
      const data = JSON.parse(String(good.value)) as Record<string, unknown>;
      return { ...good, value: JSON.stringify({ ...data, sizeE8: [-100_000_000] }) };
    },
  },
  {
    kind: 'columns that do not fit together',
    status: 422,
    reason: /columns differ in length/,
    spoil: (good) => {
      const data = JSON.parse(String(good.value)) as Record<string, unknown>;
      return { ...good, value: JSON.stringify({ ...data, id: [] }) };
    },
  },
];
