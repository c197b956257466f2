import { constants, setPriority } from 'node:os';
import { runBesideStart } from './beside-start.ts';
import { main } from './shadow/main.ts';

/** The program of `npm run shadow`; it finds a running `npm start` by itself. */

// At once, and with it the functions that it has started: what is left is removed by --drop.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

// The pipeline goes first, as before the functions of a shadow (`run-shadow.ts`).
setPriority(constants.priority.PRIORITY_LOW);
// KafkaJS and the driver may leave a timer behind; everything of ours is closed.
process.exit(await runBesideStart('shadow', main));
