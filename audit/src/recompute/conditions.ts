/*
 * What a trade's condition codes leave its price to count for, written down a second time: from the tables of
 * the consolidated tapes (CTA and UTP output specifications) and Finnhub's list of numbers.
 */

/** Rules as a raw batch carries them: a name, or lists of codes. */
export type Rules =
  | string
  | {
      readonly highLow: readonly string[];
      readonly volume: readonly string[];
      readonly nothing: readonly string[];
    };

/** Best first: for everything; for high and low; for volume only; a price update without a trade. */
export type Rank = 0 | 1 | 2 | 3;

/** Number, condition, and what the consolidated tape lets it update: high and low, last, volume. */
const TAPE = [
  ['3', 'average price', '--V'],
  ['5', 'cash', '--V'],
  ['9', 'bunched sold', 'H-V'],
  ['10', 'price variation', '--V'],
  ['12', 'odd lot', '--V'],
  ['16', 'official close', '---'],
  ['17', 'next day', '--V'],
  ['18', 'market center opening', 'H-V'],
  ['20', 'official open', '---'],
  ['21', 'prior reference price', 'H-V'],
  ['22', 'seller', '--V'],
  ['24', 'form T', '--V'],
  ['25', 'form T, sold out of sequence', '--V'],
  ['26', 'contingent', '--V'],
  ['30', 'sold out of sequence', 'H-V'],
  ['32', 'derivatively priced', 'H-V'],
  ['37', 'qualified contingent', '--V'],
  // Its price is that of the day's close, and so of no candle of five seconds.
  ['39', 'corrected close', '---'],
  ['52', 'contingent', '--V'],
  ['53', 'qualified contingent', '--V'],
] as const;

/** The codes of a record's conditions: of the first eight, those that can be codes. */
export function codesOf(conditions: unknown): readonly string[] {
  if (!Array.isArray(conditions)) return [];
  return conditions.slice(0, 8).flatMap((one: unknown) => {
    const code = String(one);
    return code.length <= 8 && /^[A-Za-z0-9@]+$/.test(code) ? [code] : [];
  });
}

/** The rank that codes leave a trade; `nothing` if it does not count at all. */
export function rankOf(codes: readonly string[], rules: Rules): Exclude<Rank, 3> | 'nothing' {
  const updates = codes.map((code) => updatesOf(code, rules));
  if (updates.includes('---')) return 'nothing';
  if (updates.includes('--V')) return 2;
  return updates.includes('H-V') ? 1 : 0;
}

function updatesOf(code: string, rules: Rules): 'HLV' | 'H-V' | '--V' | '---' {
  if (typeof rules === 'string')
    return (rules === 'us-tape' ? TAPE.find(([number]) => number === code)?.[2] : undefined) ?? 'HLV';
  if (rules.nothing.includes(code)) return '---';
  if (rules.volume.includes(code)) return '--V';
  return rules.highLow.includes(code) ? 'H-V' : 'HLV';
}
