import * as fc from 'fast-check';

/** What a parser of JSON may find anywhere, with the numbers, texts and keys at which checks go wrong. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -0,
    -1,
    1,
    0.5,
    2 ** 53 - 1,
    2 ** 53,
    -(2 ** 53),
    1e308,
    '',
    'x',
    [],
    {},
  ),
  fc.constantFrom<unknown>(
    '0',
    '-1',
    '1.5',
    '1e3',
    'x'.repeat(128),
    'x'.repeat(129),
    [0],
    { id: 'a' },
    undefined,
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/**
 * The value itself, and values that differ from it in a place or two: something else stands there, is left out,
 * or stands there too. So a check that looks at all of it is shown each place where it may look away.
 */
export function almost(value: unknown): fc.Arbitrary<unknown> {
  const places = placesOf(value);
  const change = fc.tuple(
    fc.nat(places.length - 1),
    fc.constantFrom('replace', 'drop', 'add'),
    anything,
    fc.constantFrom('x', 'id', 'records', 'constructor'),
  );
  return fc.array(change, { maxLength: 2 }).map((changes) => {
    let changed = value;
    for (const [place, how, other, name] of changes)
      changed = changeAt(changed, places[place] ?? [], { how, other, name });
    return changed;
  });
}

type Place = readonly (string | number)[];

function placesOf(value: unknown): readonly Place[] {
  if (typeof value !== 'object' || value === null) return [[]];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  const inner = [...keys].flatMap((key) =>
    placesOf((value as Readonly<Record<string | number, unknown>>)[key]).map((place) => [key, ...place]),
  );
  return [[], ...inner];
}

interface Change {
  readonly how: string;
  readonly other: unknown;
  readonly name: string;
}

function changeAt(value: unknown, [key, ...rest]: Place, change: Change): unknown {
  const { how, other, name } = change;
  if (key === undefined || typeof value !== 'object' || value === null) {
    if (how !== 'add' || typeof value !== 'object' || value === null) return other;
    return Array.isArray(value) ? [...value, other] : { ...value, [name]: other };
  }
  if (Array.isArray(value)) {
    const at = Number(key);
    // The change before may have taken it away.
    if (!(at < value.length)) return value;
    if (rest.length === 0 && how === 'drop') return value.toSpliced(at, 1);
    return value.with(at, changeAt(value[at], rest, change));
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (rest.length === 0 && how === 'drop')
    return Object.fromEntries(Object.entries(fields).filter(([field]) => field !== key));
  return { ...fields, [key]: changeAt(fields[key], rest, change) };
}
