import { createMemoryStore } from '../test/memory-store.ts';
import { describeStore } from '../test/store-contract.ts';

let nowMs = 0;
const store = createMemoryStore(() => nowMs);

describeStore('memory', {
  store: () => store,
  elapse: async () => {
    nowMs += 2_000;
  },
});
