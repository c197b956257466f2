import { createMemoryDatabase } from '../test/memory-store.ts';
import { describeStore } from '../test/store-contract.ts';

const database = createMemoryDatabase();
const store = database.connect(() => Promise.resolve('none'));

describeStore('memory', () => store);
