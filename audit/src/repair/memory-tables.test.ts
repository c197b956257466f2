import { createMemoryTables } from '../../test/memory-tables.ts';
import { describeTables } from '../../test/tables-contract.ts';

const tables = createMemoryTables();

describeTables('tables in memory', () => tables);
