import { BlockList, isIP } from 'node:net';

/**
 * Address blocks that are no place on the internet: this machine, private networks, link-local (where clouds
 * keep their machines' credentials), shared, multicast and reserved ones. Source: IANA's registries of
 * special-purpose addresses for IPv4 and IPv6 (RFC 6890 and its updates). An IPv4 address written as IPv6
 * (`::ffff:10.0.0.1`) is looked up as IPv4.
 */
const INSIDE = new BlockList();
for (const block of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/127',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
]) {
  const [net = '', prefix] = block.split('/');
  INSIDE.addSubnet(net, Number(prefix), isIP(net) === 6 ? 'ipv6' : 'ipv4');
}

/** Whether an address is inside: on this machine, in a private network, or nowhere on the internet. */
export function isInside(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && INSIDE.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** The address that a URL names itself, without the brackets of IPv6; null for a name, for DNS to answer. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? null : bare;
}
