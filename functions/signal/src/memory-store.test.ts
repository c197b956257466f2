import { createMemoryStore } from '../test/memory-store.ts';
import { describeStore } from '../test/store-contract.ts';

const store = createMemoryStore();

describeStore('memory', () => store);
