import { describeError } from '@kandle/runtime/errors';
import { bundleFunction, programNames, ROOT } from './bundle.ts';

/**
 * Bundles the programs that are named, or all: `npm run build [-- name…]`.
 */
const named = process.argv.slice(2);
try {
  for (const name of named.length === 0 ? programNames() : named) {
    const { file, bytes } = await bundleFunction(name);
    console.log(`${file.slice(ROOT.length + 1)}  ${(bytes / 1024).toFixed(0)} KiB`);
  }
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
