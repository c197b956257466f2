import { describeStore } from '../test/store-contract.ts';
import { createSqliteStore } from './sqlite-store.ts';

const store = createSqliteStore(':memory:');
describeStore('SQLite', () => store);
