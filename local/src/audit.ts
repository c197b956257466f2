import { main } from '@kandle/audit/main';
import { runBesideStart } from './beside-start.ts';

/**
 * The program of `npm run audit`: like the audit of a cluster, but it finds a running `npm start` by itself.
 */

// KafkaJS and the driver may leave a timer behind; everything of ours is closed.
process.exit(await runBesideStart('audit', main));
