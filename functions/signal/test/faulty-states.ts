import { createFaultyDatabase, type FaultyDatabase } from '@kandle/testkit/faulty-database';
import type { StateStore } from '../src/stores.ts';

/** Puts faults in front of a store of states. */
export function createFaultyStates(states: StateStore): FaultyDatabase<StateStore> {
  return createFaultyDatabase(states, ({ read, write }) => ({
    read: (key) => read(() => states.read(key)),
    readChanges: (...args) => read(() => states.readChanges(...args)),
    readVersions: (...args) => read(() => states.readVersions(...args)),
    compareAndSet: (...args) => write(() => states.compareAndSet(...args)),
  }));
}
