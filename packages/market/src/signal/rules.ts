import { z } from 'zod';

/** Windows of volume that a symbol's state remembers. */
export const VOLUME_WINDOWS = 20;

const NAME = /^[a-z][a-z0-9_-]{0,39}$/;

const common = {
  /** Part of every signal's id: give a rule that means something else another name. */
  name: z.string().regex(NAME, 'expected a name such as rsi-over'),
  /** Symbols by their spelling; `*` stands for any characters. */
  symbols: z.array(z.string().min(1).max(64)).min(1).default(['*']),
  /** After a signal the rule is silent for this long, by the windows' time. */
  coolDownMs: z.int().min(0).max(86_400_000).default(60_000),
};

/** A line that can cross another. */
const line = z.enum(['close', 'sma', 'ema', 'macd', 'macd_signal', 'bollinger_middle']);

/**
 * A rule, by its kind. Numbers are checked for sense, so that a typing error is not a rule that never fires.
 */
const Rule = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('moving-average-cross'),
    fast: line,
    slow: line,
    /** How far apart the lines must be to count as above or below, as a share of the close. */
    margin: z.number().min(0).max(0.1).default(0.000_01),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('rsi'),
    over: z.number().min(50).max(100).default(70),
    under: z.number().min(0).max(50).default(30),
    /** How far RSI must come back from a bound before it can cross it again. */
    back: z.number().min(0).max(50).default(5),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('price-jump'),
    /** Average true ranges, those before the jump, from one close to the next. */
    ranges: z.number().gt(0).max(100).default(4),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('volume-spike'),
    /** Times the mean volume of the windows before. */
    times: z.number().gt(1).max(10_000).default(5),
    windows: z.int().min(2).max(VOLUME_WINDOWS).default(VOLUME_WINDOWS),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('news-sentiment'),
    /** Mean sentiment of the rated news of the last hour, from -1 to 1. */
    over: z.number().gt(0).max(1).default(0.5),
    under: z.number().min(-1).lt(0).default(-0.5),
    /** Fewer rated news than this say nothing. */
    news: z.int().min(1).max(500).default(1),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('silence'),
    /** Windows of the shard without a trade of the symbol. */
    windows: z.int().min(2).max(120).default(6),
  }),
]);

const RulesFile = z
  .strictObject({ rules: z.array(Rule).max(100) })
  .refine(({ rules }) => new Set(rules.map((rule) => rule.name)).size === rules.length, {
    path: ['rules'],
    message: 'a name is used twice',
  });

/** A rule as its file says it, defaults filled in. */
export type Rule = z.infer<typeof Rule>;

/** A rule of one kind. */
export type RuleOf<Kind extends Rule['kind']> = Extract<Rule, { readonly kind: Kind }>;

/**
 * Reads parsed YAML or JSON as rules.
 *
 * @param maxRepeatedWindows Longest silence that the states let one see, in windows.
 * @throws {RangeError} Naming rule and field of everything that is wrong.
 */
export function parseRules(data: unknown, maxRepeatedWindows: number): readonly Rule[] {
  const parsed = RulesFile.safeParse(data);
  if (!parsed.success) {
    throw new RangeError(parsed.error.issues.map((issue) => describeIssue(data, issue)).join('; '));
  }
  for (const rule of parsed.data.rules) {
    if (rule.kind === 'silence' && rule.windows > maxRepeatedWindows) {
      throw new RangeError(
        `rule ${rule.name}, windows: expected at most MAX_REPEATED_WINDOWS, which is ${maxRepeatedWindows}`,
      );
    }
    if (rule.kind === 'moving-average-cross' && rule.fast === rule.slow) {
      throw new RangeError(`rule ${rule.name}, slow: expected another line than fast`);
    }
  }
  return parsed.data.rules;
}

function describeIssue(data: unknown, { path, message }: z.core.$ZodIssue): string {
  const [first, index, ...field] = path;
  if (first !== 'rules' || typeof index !== 'number') return `${path.join('.') || 'the file'}: ${message}`;
  const Named = z.object({ rules: z.array(z.object({ name: z.string() }).partial().catch({})) });
  const name = Named.safeParse(data).data?.rules[index]?.name ?? `number ${index + 1}`;
  return `rule ${name}, ${field.join('.') || 'itself'}: ${message}`;
}

/** True if a rule is about a symbol. */
export function concerns(rule: Rule, symbol: string): boolean {
  return rule.symbols.some((pattern) => matches(pattern, symbol));
}

/**
 * Whether a pattern in which `*` stands for any characters covers the text; in time linear in their lengths'
 * product.
 */
function matches(pattern: string, text: string): boolean {
  const [head = '', ...parts] = pattern.split('*');
  if (!text.startsWith(head)) return false;
  const tail = parts.pop();
  if (tail === undefined) return text === head;
  let at = head.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}
