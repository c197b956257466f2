import type { BackfillOutcome } from './backfill.ts';
import type { GapOutcome } from './report.ts';

const WORDS: Readonly<Record<GapOutcome['state'], string>> = {
  filled: 'filled',
  partly: 'partly filled',
  unfilled: 'not filled',
  waiting: 'not yet',
};

/** The lines that tell a person what a backfill did, or would do. */
export function listOutcome({ gaps, finished }: BackfillOutcome, isDryRun: boolean): readonly string[] {
  if (gaps.length === 0 && finished === 0) return ['There is no open gap that matches.'];
  const brought = gaps.reduce((sum, gap) => sum + gap.brought, 0);
  return [
    ...gaps.flatMap(({ name, gap, state, brought: count, known, note }) => [
      `${name}  ${new Date(gap.fromMs).toISOString()} to ${new Date(gap.toMs).toISOString()}`,
      `    ${WORDS[state]}: ${count} trades ${isDryRun ? 'to bring' : 'brought'}, ${known} counted already${note === '' ? '' : `; ${note}`}`,
    ]),
    ...(finished > 0 ? [`${finished} batches of an earlier backfill were sent to their end.`] : []),
    isDryRun
      ? `Would bring ${brought} trades; nothing was sent. With --write it is done.`
      : `Brought ${brought} trades; their candles are revised.`,
  ];
}
