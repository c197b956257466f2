import { main } from '@kandle/audit/restore';
import { runBesideStart } from './beside-start.ts';

/** The program of `npm run restore`: like that of a cluster, but it finds a running `npm start` by itself. */

// KafkaJS and the driver may leave a timer behind; everything of ours is closed.
process.exit(await runBesideStart('restore', main));
