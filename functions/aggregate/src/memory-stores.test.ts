import { createMemoryStores } from '../test/memory-stores.ts';
import { describeStores } from '../test/store-contract.ts';

const stores = createMemoryStores();
describeStores('the stores in memory', () => stores);
