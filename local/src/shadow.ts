import { runBesideStart } from './beside-start.ts';
import { main } from './shadow/main.ts';

/** The program of `npm run shadow`; it finds a running `npm start` by itself. */

// KafkaJS and the driver may leave a timer behind; everything of ours is closed.
process.exit(await runBesideStart('shadow', main));
