import { describeError } from '@kandle/runtime/errors';
import { bundleFunction, functionNames, ROOT } from './bundle.ts';

/**
 * Bundles the functions that are named, or all: `npm run build [-- name…]`.
 */
const named = process.argv.slice(2);
try {
  for (const name of named.length === 0 ? functionNames() : named) {
    const { file, bytes } = await bundleFunction(name);
    console.log(`${file.slice(ROOT.length + 1)}  ${(bytes / 1024).toFixed(0)} KiB`);
  }
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
