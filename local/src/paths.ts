import { join, resolve } from 'node:path';

/** The root folder of the repository. */
export const repoRoot = resolve(import.meta.dirname, '..', '..');

/** Everything that the local stack writes: jars and one data folder per kind of run. */
export const kandleDir = join(repoRoot, '.kandle');

/** The released jars of Kafka and Cassandra, fetched once and shared by all runs. */
export const jarsDir = join(kandleDir, 'jars');

/** Data of `npm start` on live feeds; kept from start to start. */
export const liveDataDir = join(kandleDir, 'data');

/** Data of a replay: apart from the live one, or old rows would never be replaced in `latest`. */
export const replayDataDir = join(kandleDir, 'replay');

/** Data of the integration and end-to-end tests; emptied at the start of every run. */
export const testDataDir = join(kandleDir, 'test');

/** The pinned POMs and SHA-256 lists, part of the repository. */
export const jarListsDir = join(repoRoot, 'local', 'jars');
