import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** A command line that makes no sense; the message says by itself which option is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a parser is told besides the text of an option. */
export interface OptionContext {
  /** Name of the option, without its dashes. */
  readonly name: string;
  /** Wall clock, for times given as how long ago. */
  readonly wallMs: number;
}

/** Makes a value of an option's text. @throws {UsageError} If it makes no sense. */
export type OptionParser<Value> = (text: string, context: OptionContext) => Value;

/** An option of a command: what it means to a person, and what a program gets. */
export interface Option<Value> {
  /** What stands for its value in the help, such as `N`; null for a flag. */
  readonly placeholder: string | null;
  readonly help: string;
  /** The text that it has when it is not given; null for none. */
  readonly fallback: string | null;
  /** Makes its value of every text that it was given, in their order. */
  readonly read: (texts: readonly string[], context: OptionContext) => Value;
}

/** Options by name, without their dashes. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of a command's options, by name; null where none was given and there is no default. */
export type OptionValues<Declared extends Options> = {
  readonly [Name in keyof Declared]: Declared[Name] extends Option<infer Value> ? Value : never;
};

/** A command, declared once: its help and its values are made of the same lines. */
export interface Command<Declared extends Options> {
  /** As it is typed, such as `npm run audit`. */
  readonly name: string;
  /** What it does, in paragraphs. */
  readonly about: string;
  readonly options: Declared;
  /** Paragraphs that stand before an option in the help, by its name. */
  readonly headings?: { readonly [Name in keyof Declared]?: string };
  /** Paragraphs after the options. */
  readonly notes?: string;
}

const HELP_COLUMNS = 110;
const HELP: Option<boolean> = flag('this text');

/** A command of which the compiler knows the values. */
export function defineCommand<const Declared extends Options>(command: Command<Declared>): Command<Declared> {
  return command;
}

/** An option without a value. */
export function flag(help: string): Option<boolean> {
  return { placeholder: null, help, fallback: null, read: (texts) => texts.length > 0 };
}

/** An option with a value; null where it is not given, unless it has a default. */
export function option<Value>(
  placeholder: string,
  help: string,
  parse: OptionParser<Value>,
): Option<Value | null>;
export function option<Value>(
  placeholder: string,
  help: string,
  parse: OptionParser<Value>,
  fallback: string,
): Option<Value>;
export function option<Value>(
  placeholder: string,
  help: string,
  parse: OptionParser<Value>,
  fallback: string | null = null,
): Option<Value | null> {
  return {
    placeholder,
    help,
    fallback,
    read(texts, context) {
      // Of several the last counts.
      const last = texts.at(-1) ?? fallback;
      return last === null ? null : parse(last, context);
    },
  };
}

/** An option that may be given several times: the values of all. */
export function repeatedOption<Value>(
  placeholder: string,
  help: string,
  parse: OptionParser<Value>,
): Option<readonly Value[]> {
  const read: Option<readonly Value[]>['read'] = (texts, context) => texts.map((one) => parse(one, context));
  return { placeholder, help, fallback: null, read };
}

/** The text as it is. */
export const text: OptionParser<string> = (given) => given;

/** A whole number within bounds, both of which it may be. */
export function wholeNumber(min: number, max: number): OptionParser<number> {
  return (given, { name }) => {
    const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new UsageError(`--${name} ${given}: expected a whole number from ${min} to ${max}`);
    return value;
  };
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** A length of time such as `90s`, `10m`, `2h` or `7d`, in milliseconds, and no shorter than `minMs`. */
export function duration(minMs = 1): OptionParser<number> {
  return (given, { name }) => {
    const [, amount = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
    const durationMs = Number(amount) * (UNITS_MS.get(unit) ?? Number.NaN);
    if (!(durationMs >= minMs))
      throw new UsageError(`--${name} ${given}: expected a duration such as 90s, 10m, 2h or 7d`);
    return durationMs;
  };
}

/** A point in time, in epoch milliseconds: ISO, epoch milliseconds, or how long ago. */
export const time: OptionParser<number> = (given, context) => {
  if (/^\d{12,14}$/.test(given)) return Number(given);
  if (/^\d{1,6}[smhd]$/.test(given)) return context.wallMs - duration()(given, context);
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new UsageError(
      `--${context.name} ${given}: expected 2026-11-25T08:00Z, epoch milliseconds, or how long ago: 90s, 10m, 2h, 7d`,
    );
  return timeMs;
};

/**
 * Reads a command line: the values of the options, or null if only the help is wanted.
 *
 * @param wallMs Wall clock, for times given as how long ago.
 * @throws {UsageError} If an argument is none of the options, or its value makes no sense.
 */
export function readCommand<Declared extends Options>(
  { name: command, options }: Command<Declared>,
  args: readonly string[],
  wallMs = Date.now(),
): OptionValues<Declared> | null {
  const given = readArgs(command, args, options);
  if (given['help'] !== undefined) return null;
  const values = Object.entries(options).map(([name, { read }]) => {
    const value = given[name];
    const texts = value === undefined ? [] : [value].flat().map(String);
    return [name, read(texts, { name, wallMs })] as const;
  });
  // Each value was read by its own option.
  return Object.fromEntries(values) as OptionValues<Declared>;
}

function readArgs(
  command: string,
  args: readonly string[],
  options: Options,
): Readonly<Record<string, unknown>> {
  const config: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } };
  for (const [name, { placeholder }] of Object.entries(options))
    config[name] = placeholder === null ? { type: 'boolean' } : { type: 'string', multiple: true };
  try {
    return parseArgs({ args: [...args], options: config }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new UsageError(`${reason}. See ${command} -- --help`, { cause: error });
  }
}

/** The text of `--help`, made of the same declaration, no wider than a terminal of 110 columns. */
export function helpText<Declared extends Options>(command: Command<Declared>): string {
  const options: Options = { ...command.options, help: HELP };
  const headings: Readonly<Record<string, string | undefined>> = command.headings ?? {};
  const usages = new Map(
    Object.entries(options).map(([name, { placeholder }]) => [
      name,
      `  --${name}${placeholder === null ? '' : ` ${placeholder}`}`,
    ]),
  );
  const indent = Math.max(...[...usages.values()].map((usage) => usage.length)) + 2;
  const lines = [`Usage: ${command.name} -- [options]`, '', ...wrapText(command.about), ''];
  for (const [name, { help, fallback }] of Object.entries(options)) {
    const heading = headings[name];
    if (heading !== undefined) lines.push(...(lines.at(-1) === '' ? [] : ['']), ...wrapText(heading));
    // After options with headings, what belongs to none of them stands apart.
    else if (name === 'help' && Object.keys(headings).length > 0) lines.push('');
    const meaning = fallback === null ? help : `${help} (default ${fallback})`;
    const [first = '', ...rest] = wrapText(meaning, HELP_COLUMNS - indent);
    lines.push(
      (usages.get(name) ?? '').padEnd(indent) + first,
      ...rest.map((line) => ' '.repeat(indent) + line),
    );
  }
  if (command.notes !== undefined) lines.push('', ...wrapText(command.notes));
  return `${lines.join('\n')}\n`;
}

/** The lines of a text, broken at blanks; an empty line and a line break after it begin a new paragraph. */
function wrapText(paragraphs: string, columns = HELP_COLUMNS): readonly string[] {
  return paragraphs
    .trim()
    .split(/\n\s*\n/)
    .flatMap((paragraph, place) => [...(place === 0 ? [] : ['']), ...wrapParagraph(paragraph, columns)]);
}

function wrapParagraph(paragraph: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of paragraph.trim().split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
