import { z } from 'zod';
import type { PriceRank } from './price-rank.ts';

/** The lists of rules that have a name. A log never changes the meaning of one: another list, another name. */
export const RULE_NAMES = ['all', 'us-tape'] as const;

/**
 * What condition codes say of a trade's price: codes that leave it high and low only, volume only, or nothing
 * at all. Other codes change nothing; of several the one that leaves least decides.
 */
export interface ConditionRules {
  readonly highLow: readonly string[];
  readonly volume: readonly string[];
  readonly nothing: readonly string[];
}

/** By which rules the records of a batch count. */
export type CountingRules = (typeof RULE_NAMES)[number] | ConditionRules;

const RULES: Readonly<Record<(typeof RULE_NAMES)[number], ConditionRules>> = {
  all: { highLow: [], volume: [], nothing: [] },
  /*
   * What the CTA and UTP plans publish for the consolidated high, low and last ("Trade conditions" of their
   * output specifications), by the numbers that Finnhub gives the conditions (1 to 41 in the list that its
   * documentation links to). A price that sets the last only if it is the day's first counts for high and low.
   * What is not named here counts for everything: 1 regular, 2 acquisition, 4 bunched, 6 distribution, 7
   * automatic execution, 8 intermarket sweep, 11 CAP election, 13 rule 127, 14 rule 155, 15 sold last, 19
   * opening, 23 split, 27 stock option, 28 cross, 29 yellow flag, 31 stopped, 33 and 34 reopening, 35 and 36
   * closing, 38 and 41 exempt from trade-through, 40 opened.
   */
  'us-tape': {
    // Bunched sold, market center opening, prior reference price, sold out of sequence, derivatively priced.
    highLow: ['9', '18', '21', '30', '32'],
    // Average price, cash, price variation, odd lot, next day, seller, form T (extended hours), the same out of
    // sequence, contingent, qualified contingent; and what another vendor's list calls the last two.
    volume: ['3', '5', '10', '12', '17', '22', '24', '25', '26', '37', '52', '53'],
    // The official open and close, and a later correction of the close, repeat a price of other trades.
    nothing: ['16', '20', '39'],
  },
};

/** Longest code, and most codes of a trade that are looked at. */
const CODE = /^[A-Za-z0-9@]{1,8}$/;
const MAX_CODES = 8;
/** Most codes of a list. */
export const MAX_LISTED_CODES = 200;
/** Longest text of a trade's codes. */
export const MAX_CONDITIONS_LENGTH = MAX_CODES * 9;

const codes = z.array(z.string().regex(CODE)).max(MAX_LISTED_CODES);

/** What {@link isCountingRules} agrees with. */
export const CountingRulesSchema = z.union([
  z.enum(RULE_NAMES),
  z.strictObject({ highLow: codes, volume: codes, nothing: codes }),
]);

/** What a record's conditions make of its trade; `rank` is null if it counts for nothing. */
export interface JudgedConditions {
  /** Its codes, joined by commas. */
  readonly conditions: string;
  readonly rank: Exclude<PriceRank, 3> | null;
}

/** Judges the conditions of records, whatever they are. */
export type ConditionJudge = (conditions: unknown) => JudgedConditions;

const UNCONDITIONAL: JudgedConditions = { conditions: '', rank: 0 };

/** Builds the judge of a batch: each set of codes is looked up once, and none costs nothing. */
export function createConditionJudge(rules: CountingRules): ConditionJudge {
  const { highLow, volume, nothing } = typeof rules === 'string' ? RULES[rules] : rules;
  const known = new Map<string, JudgedConditions>();

  function rankOf(list: readonly string[]): JudgedConditions['rank'] {
    if (list.some((code) => nothing.includes(code))) return null;
    if (list.some((code) => volume.includes(code))) return 2;
    return list.some((code) => highLow.includes(code)) ? 1 : 0;
  }

  return (given) => {
    if (!Array.isArray(given) || given.length === 0) return UNCONDITIONAL;
    const list = given
      .slice(0, MAX_CODES)
      .map(String)
      .filter((code) => CODE.test(code));
    const conditions = list.join(',');
    let judged = known.get(conditions);
    if (judged === undefined) known.set(conditions, (judged = { conditions, rank: rankOf(list) }));
    return judged;
  };
}

/** True for rules as a raw batch may carry them, without the cost of the schema. */
export function isCountingRules(value: unknown): value is CountingRules {
  if (typeof value === 'string') return RULE_NAMES.some((name) => name === value);
  return value !== undefined && CountingRulesSchema.safeParse(value).success;
}
