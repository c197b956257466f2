import { join, resolve } from 'node:path';

/** The root folder of the repository. */
export const REPO_ROOT = resolve(import.meta.dirname, '..', '..', '..');

/** Everything that the local stack writes: jars and one data folder per kind of run. */
export const KANDLE_FOLDER = join(REPO_ROOT, '.kandle');

/** The released jars of Kafka and Cassandra, fetched once and shared by all runs. */
export const JARS_FOLDER = join(KANDLE_FOLDER, 'jars');

/** Data of `npm start` on live feeds; kept from start to start. */
export const DATA_FOLDER = join(KANDLE_FOLDER, 'data');

/** Data of a replay: apart from the live one, or old rows would never be replaced in `latest`. */
export const REPLAY_FOLDER = join(KANDLE_FOLDER, 'replay');

/** Data of the integration and end-to-end tests; emptied at the start of every run. */
export const TEST_FOLDER = join(KANDLE_FOLDER, 'test');

/** The pinned POMs and SHA-256 lists, part of the repository. */
export const JAR_LISTS_FOLDER = join(REPO_ROOT, 'servers', 'jars');
