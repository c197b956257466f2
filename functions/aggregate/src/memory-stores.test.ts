import { createMemoryDatabase } from '../test/memory-stores.ts';
import { describeStores } from '../test/store-contract.ts';

const database = createMemoryDatabase(async () => 'none');
describeStores('the database in memory', () => database);
