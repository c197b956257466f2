import { createMemoryRollups } from '../../test/memory-rollups.ts';
import { describeRollups } from '../../test/rollup-contract.ts';

const store = createMemoryRollups();
describeRollups('rollups in memory', () => ({ store, put: store.put }));
