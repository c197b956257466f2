import { expect, test } from 'vitest';
import { GENERATED_TRADES } from './ndjson/mapping.ts';
import { formatSourceLine, readSourceLine, sourceOfVendor } from './recording-source.ts';
import { frameReader, vendorOfFrame, VENDORS } from './vendor.ts';

test.each(VENDORS)('the line of a recording of %s is read as it was written', (vendor) => {
  const source = sourceOfVendor(vendor);
  expect(readSourceLine(formatSourceLine(source))).toEqual(source);
});

test('a recording of JSON lines says how they are read', () => {
  const source = { vendor: 'ndjson', mapping: GENERATED_TRADES } as const;
  expect(readSourceLine(formatSourceLine(source))).toEqual(source);
});

test.each(['{"recv_ms":1,"frame":{}}', '', '{"recording":', '{"recording":{"vendor":"nobody"}}'])(
  '%j is no such line',
  (line) => {
    expect(readSourceLine(line)).toBeNull();
  },
);

test.each([
  ['{"type":"pricing","message":""}', 'yahoo'],
  ['{"event":"price"}', 'twelvedata'],
  ['{"quoteResponse":{}}', 'yahoo-poll'],
  ['{"chart":{}}', 'yahoo-poll'],
  ['{"type":"trade"}', null],
])('%s looks like %s', (text, vendor) => {
  expect(vendorOfFrame(text)).toBe(vendor);
});

test('every vendor has a reader', () => {
  for (const vendor of VENDORS) expect(frameReader(vendor, GENERATED_TRADES)('garbage').kind).toBe('bad');
});
