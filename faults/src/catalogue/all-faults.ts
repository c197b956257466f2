import type { Fault } from './fault.ts';
import { FEED_FAULTS } from './feeds.ts';
import { KILL_POINTS } from './kill-points.ts';
import { LINE_FAULTS } from './lines.ts';
import { OPERATOR_FAULTS } from './operator.ts';
import { PROCESS_FAULTS } from './processes.ts';
import { SERVER_FAULTS } from './servers.ts';
import { SLEEP_FAULTS } from './sleeps.ts';

/** Every fault that can befall a running stack; the same in tests and in chaos. */
export const ALL_FAULTS: readonly Fault[] = [
  ...KILL_POINTS,
  ...PROCESS_FAULTS,
  ...SERVER_FAULTS,
  ...LINE_FAULTS,
  ...FEED_FAULTS,
  ...SLEEP_FAULTS,
  ...OPERATOR_FAULTS,
];
