import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** A small recording made by hand after a fault, with its right values, computed apart. */
export interface Trial {
  readonly name: string;
  readonly frames: readonly { readonly recvMs: number; readonly entries: readonly unknown[] }[];
  /** Number of trades that count. */
  readonly trades: number;
  readonly windows: readonly TrialWindow[];
}

/** One symbol's candle, numbers as decimal text. */
export interface TrialWindow {
  readonly symbol: string;
  readonly windowStartMs: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly count: number;
}

const FOLDER = new URL('../trials/', import.meta.url);

/** The names of all trials; what each shows stands in `trials/README.md`. */
export function trialNames(): readonly string[] {
  return readdirSync(FOLDER)
    .flatMap((file) => /^(.+)\.jsonl(\.gz)?$/.exec(file)?.[1] ?? [])
    .toSorted();
}

/** The path of a trial's recording. */
export function trialFile(name: string): string {
  const file = readdirSync(FOLDER).find((one) => one === `${name}.jsonl` || one === `${name}.jsonl.gz`);
  if (file === undefined) throw new RangeError(`Cannot find the trial ${name}`);
  return fileURLToPath(new URL(file, FOLDER));
}

/** Reads a trial by its name. */
export function readTrial(name: string): Trial {
  const expected = JSON.parse(read(`${name}.expected.json`)) as {
    readonly trades: number;
    readonly windows: readonly (TrialWindow & { readonly window_start_ms: number })[];
  };
  const lines = read(`${name}.jsonl`)
    .split('\n')
    .filter((line) => line !== '');
  return {
    name,
    frames: lines.map((line) => {
      const { recv_ms: recvMs, frame } = JSON.parse(line) as {
        recv_ms: number;
        frame: { data: readonly unknown[] };
      };
      return { recvMs, entries: frame.data };
    }),
    trades: expected.trades,
    windows: expected.windows.map(({ window_start_ms: windowStartMs, ...window }) => ({
      ...window,
      windowStartMs,
    })),
  };
}

function read(file: string): string {
  const isThere = readdirSync(FOLDER).includes(file);
  const bytes = readFileSync(new URL(isThere ? file : `${file}.gz`, FOLDER));
  return (isThere ? bytes : gunzipSync(bytes)).toString('utf8');
}
