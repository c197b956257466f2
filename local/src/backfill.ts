import { main } from '@kandle/backfill/main';
import { runBesideStart } from './beside-start.ts';

/**
 * The program of `npm run backfill`: like the Job of a cluster, but it finds a running `npm start` by itself.
 */

// KafkaJS may leave a timer behind; everything of ours is closed.
process.exit(await runBesideStart('backfill', main));
