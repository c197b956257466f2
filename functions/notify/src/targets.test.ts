import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FatalError } from '@kandle/runtime/errors';
import { afterAll, expect, test } from 'vitest';
import { readTargets, type TargetSettings } from './targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-targets-'));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'secrets'));
writeFileSync(join(folder, 'secrets', 'url'), 'https://hooks.example.com/T0/s3cret\n');
writeFileSync(join(folder, 'secrets', 'key'), 'Bearer s3cret\n');

let files = 0;
function read(text: string, settings: TargetSettings = {}) {
  files += 1;
  const file = join(folder, `targets-${files}.yaml`);
  writeFileSync(file, text);
  return readTargets({ TARGETS_FILE: file, ...settings });
}

test('readTargets() reads a target with its secrets from files beside it, when they are named', () => {
  const targets = read(`
allowHosts: [hooks.example.com]
targets:
  - name: desk
    kind: slack
    url: {file: secrets/url}
    headers: {Authorization: {file: secrets/key}, X-Team: desk}
    filter: {rules: [ma-cross], sides: [buy], symbols: [AAPL], minStrength: 0.5}
    ratePerMinute: 30
    burst: 1
`);
  expect(targets).toEqual([
    {
      name: 'desk',
      kind: 'slack',
      url: 'https://hooks.example.com/T0/s3cret',
      mayBeInside: false,
      headers: { authorization: 'Bearer s3cret', 'x-team': 'desk' },
      filter: { rules: ['ma-cross'], sides: ['buy'], symbols: ['AAPL'], minStrength: 0.5 },
      ratePerMinute: 30,
      burst: 1,
      extensions: {},
    },
  ]);
});

test('readTargets() shows an address and a key as their files hold them at that moment, and the last right ones while they are wrong', () => {
  const [url, key] = [join(folder, 'changing-url'), join(folder, 'changing-key')];
  writeFileSync(url, 'https://hooks.example.com/one');
  writeFileSync(key, 'first');
  const [target] = read(
    `targets: [{name: desk, kind: json, url: {file: ${url}}, headers: {X-Key: {file: ${key}}}}]`,
  );
  expect(target).toMatchObject({ url: 'https://hooks.example.com/one', headers: { 'x-key': 'first' } });
  writeFileSync(url, 'https://hooks.example.com/two\n');
  writeFileSync(key, 'second\n');
  const two = { url: 'https://hooks.example.com/two', headers: { 'x-key': 'second' } };
  expect(target).toMatchObject(two);
  expect({ ...target?.headers }).toEqual({ 'x-key': 'second' });
  for (const [address, value] of [
    ['', ''],
    ['http://127.0.0.1/inside', 'one\ntwo'],
    ['no address', 'ü'],
  ] as const) {
    writeFileSync(url, address);
    writeFileSync(key, value);
    expect(target).toMatchObject(two);
  }
  rmSync(url);
  rmSync(key);
  expect(target).toMatchObject(two);
});

test('readTargets() is empty, when no file is named or the named one does not exist', () => {
  expect(readTargets({})).toEqual([]);
  expect(readTargets({ TARGETS_FILE: join(folder, 'absent.yaml') })).toEqual([]);
});

test.each([
  'http://127.0.0.1:9000/',
  'http://[::1]/',
  'http://[::ffff:10.1.2.3]/',
  'http://169.254.169.254/latest/meta-data',
  'https://10.0.0.7/',
  'https://0x7f.1/',
])('readTargets() refuses %s, unless allowInside names its host', (url) => {
  const target = `targets: [{name: desk, kind: json, url: "${url}"}]`;
  expect(() => read(target)).toThrow(/target desk\.url is on this machine or in a private network/);
  const { hostname } = new URL(url);
  expect(read(`allowInside: ["${hostname}"]\n${target}`)).toMatchObject([{ mayBeInside: true }]);
});

const OVERRIDES = '{"extensions": {"team": "desk"}}';

test('readTargets() makes K_SINK a target of its own, when no target takes it', () => {
  expect(readTargets({ K_SINK: 'http://broker.svc/x', K_CE_OVERRIDES: OVERRIDES })).toMatchObject([
    {
      name: 'sink',
      kind: 'cloudevents',
      url: 'http://broker.svc/x',
      mayBeInside: true,
      extensions: { team: 'desk' },
    },
  ]);
});

test('readTargets() gives K_SINK and its extensions to the target of kind cloudevents that has no url', () => {
  const text =
    'targets: [{name: mine, kind: cloudevents, filter: {minStrength: 0.9}}, {name: far, kind: cloudevents, url: "https://a.b/"}]';
  expect(read(text, { K_SINK: 'http://broker.svc/x', K_CE_OVERRIDES: OVERRIDES })).toMatchObject([
    {
      name: 'mine',
      url: 'http://broker.svc/x',
      mayBeInside: true,
      extensions: { team: 'desk' },
      filter: { minStrength: 0.9 },
    },
    { name: 'far', url: 'https://a.b/', extensions: {} },
  ]);
});

const DESK = 'name: desk, kind: json';

test.each<[string, string, RegExp]>([
  ['is no YAML', 'targets: [{url: "https://s3cret', /TARGETS_FILE, line 1: /],
  ['is empty', '', /TARGETS_FILE: it: /],
  ['has an unknown field', `targets: [{${DESK}, adress: s3cret}]`, /targets\.0: /],
  ['has an unknown kind', 'targets: [{name: desk, kind: s3cret, url: "https://a.b"}]', /targets\.0\.kind/],
  ['has a malformed name', 'targets: [{name: "a b", kind: json, url: "https://a.b"}]', /targets\.0\.name/],
  ['has no url', `targets: [{${DESK}}]`, /target desk\.url is missing$/],
  ['has a sink without K_SINK', 'targets: [{name: s, kind: cloudevents}]', /s\.url is missing, and K_SINK/],
  ['has a url that is none', `targets: [{${DESK}, url: s3cret}]`, /desk\.url is no address/],
  ['has a url of a file', `targets: [{${DESK}, url: "file:///s3cret"}]`, /desk\.url is no address/],
  ['has a user in a url', `targets: [{${DESK}, url: "https://s3cret@a.b/"}]`, /desk\.url has a user/],
  ['is at another host', `allowHosts: [a.b]\ntargets: [{${DESK}, url: "https://c.d/s3cret"}]`, /allowHosts/],
  [
    'names no file',
    `targets: [{${DESK}, url: {file: s3cret}}]`,
    /desk\.url names a file that does not exist/,
  ],
  [
    'has a header of ours',
    `targets: [{${DESK}, url: "https://a.b", headers: {Host: s3cret}}]`,
    /desk\.headers\.Host is set by/,
  ],
  [
    'has a header of two lines',
    `targets: [{${DESK}, url: "https://a.b", headers: {x: "s3cret\\ny"}}]`,
    /desk\.headers\.x has char/,
  ],
  [
    'has a name twice',
    `targets: [{${DESK}, url: "https://a.b"}, {${DESK}, url: "https://a.b"}]`,
    /desk is the name of two/,
  ],
])('readTargets() stops the start and shows no value, when the file %s', (_, text, message) => {
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow(FatalError);
  try {
    read(text);
  } catch (error) {
    expect(String(error)).not.toMatch(/s3cret/);
  }
});

test.each([
  '{',
  '[]',
  '{"extensions": {"id": "x"}}',
  '{"extensions": {"A-b": "x"}}',
  '{"extensions": {"a": "\\n"}}',
])('readTargets() stops the start, when K_CE_OVERRIDES is %s', (text) => {
  expect(() => readTargets({ K_SINK: 'http://a.b', K_CE_OVERRIDES: text })).toThrow(/K_CE_OVERRIDES/);
});
