import type { VendorMarket } from '@kandle/feeds/vendor/vendor-market';
import type { VendorName } from '@kandle/feeds/vendor/vendor-servers';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** What befalls a vendor's feed; the stack beside it for what is not the vendor's. */
type Spoil = (vendor: VendorMarket, stack: Stack) => void | Promise<void>;

const AGES_MS = { '1.5 s': 1_500, '3 minutes': 180_000, '14 minutes': 840_000 } as const;
const AGED = 10;
const REPEATED = 50;
const REFUSALS = 2;
/** More than any vendor's longest frame, or line. */
const HUGE_CHARACTERS = 10_485_760;
const GARBAGE: readonly string[] = ['garbage', '{"half":', '[]', '{"type":1}', '\u{0}', '{"event":{}}'];

function marketOf({ vendors }: Stack, name: VendorName): VendorMarket {
  const market = vendors.find((vendor) => vendor.name === name);
  if (market === undefined) throw new Error(`Cannot spoil ${name}: it is no feed of this stack`);
  return market;
}

/** Waits until the feed tells something again, and somebody hears it. */
async function untilTold(market: VendorMarket, words: string): Promise<void> {
  const told = market.told().length;
  await until(words, () => market.told().length > told + 3);
}

/** Spoils the line, and waits until the feed has a new client. */
async function andBack(market: VendorMarket, spoil: () => void | Promise<void>): Promise<void> {
  const before = market.connections();
  await spoil();
  await until(`ingest is connected to ${market.name} again`, () => market.connections() > before);
  await untilTold(market, `${market.name} tells again`);
}

/** Lets nobody in for some tries, by whatever the protocol has for that. */
async function letNobodyIn(market: VendorMarket, shut: (isShut: boolean) => void): Promise<void> {
  const { server } = market;
  await andBack(market, async () => {
    shut(true);
    server.cut();
    const before = server.handshakes();
    try {
      await until(`${REFUSALS} tries of ${market.name}`, () => server.handshakes() >= before + REFUSALS);
    } finally {
      shut(false);
    }
  });
}

/** Nothing comes, or nothing but signs of life, until the client comes again. */
function quiet(mood: 'mute' | 'dead'): Spoil {
  return (market) =>
    andBack(market, async () => {
      const before = market.connections();
      market.set(mood);
      try {
        await until(`a new line to ${market.name}`, () => market.connections() > before);
      } finally {
        market.set('telling');
      }
    });
}

const SPOILS: Readonly<Record<string, Spoil>> = {
  'the line is cut': (market) => andBack(market, () => market.server.cut()),
  'the line is cut in the middle of a frame': (market) => andBack(market, () => market.cutWithinFrame()),
  'clients are taken in and closed at once': (market) =>
    letNobodyIn(market, (isShut) => market.server.closeAtOnce(isShut)),
  'it falls silent without a word': quiet('dead'),
  'garbage comes': (market) => market.sendGarbage(GARBAGE),
  'a frame of 10 MB comes': (market) => market.sendGarbage(['x'.repeat(HUGE_CHARACTERS)]),
  'its ingest is killed': (market, { pipeline }) =>
    andBack(market, () => pipeline.ingests.get(market.name)?.kill()),
};

function refused(status: number): readonly [string, Spoil] {
  return [
    `it refuses with ${status}`,
    (market) => letNobodyIn(market, (isShut) => market.server.refuse?.(isShut ? status : null)),
  ];
}

/**
 * What vendors' feeds do to us, of each vendor in turn: every new line brings the last seconds again. Without
 * ids what comes again on the same line are other trades; JSON lines have no way to refuse; who is asked
 * answers with its last looks, so that it is never mute; and who calls us, and is mute, cannot be called anew.
 */
export function vendorFaults(names: readonly VendorName[]): readonly Fault[] {
  return names.flatMap((name) => {
    const spoils: readonly (readonly [string, Spoil])[] = [
      ...Object.entries(SPOILS),
      ...(name === 'tcp' || name === 'tcp-listen' ? [] : [401, 403, 429].map(refused)),
      ...(name === 'yahoo-poll' || name === 'tcp-listen'
        ? []
        : [['it answers and brings no data', quiet('mute')] as const]),
      ...Object.entries(AGES_MS).map(([age, ageMs]): readonly [string, Spoil] => [
        `it tells of ${age} ago`,
        (market) => market.tellAged(ageMs, AGED),
      ]),
      ...(name === 'finnhub'
        ? []
        : [[`it tells the last frames again`, (market: VendorMarket) => market.retell(REPEATED)] as const]),
    ];
    return spoils.map(
      ([what, spoil]): Fault => ({
        name: `${name}: ${what}`,
        inject: async (stack) => spoil(marketOf(stack, name), stack),
      }),
    );
  });
}
