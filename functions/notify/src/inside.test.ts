import { expect, test } from 'vitest';
import { isInside, literalAddress } from './inside.ts';

test.each([
  '127.0.0.1',
  '127.255.0.9',
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.31.255.255',
  '192.168.1.1',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:a00:1',
  '64:ff9b::a00:1',
  'fd00::1',
  'fe80::1',
])('%s is inside', (address) => expect(isInside(address)).toBe(true));

test.each(['1.1.1.1', '172.32.0.1', '100.128.0.1', '192.169.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])(
  '%s is outside',
  (address) => expect(isInside(address)).toBe(false),
);

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '::1'],
  ['localhost', null],
  ['example.com', null],
])('the host %s names the address %s itself', (host, address) => {
  expect(literalAddress(host)).toBe(address);
});
