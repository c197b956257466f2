import { createMemoryDatabase } from '../test/memory-stores.ts';
import { describeStores } from '../test/store-contract.ts';

const stores = createMemoryDatabase().connect(async () => 'none');
describeStores('the database in memory', () => stores);
