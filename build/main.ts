import { describeError } from '@kandle/runtime/errors';
import { bundleFunction, programNames, ROOT } from './bundle.ts';

const USAGE = `Usage: npm run build [-- name…]

Bundles each program that is named, or all, into a folder of its own in dist/:
${programNames().join(', ')}`;

const named = process.argv.slice(2);
try {
  if (named.includes('--help')) console.log(USAGE);
  else
    for (const name of named.length === 0 ? programNames() : named) {
      const { file, bytes } = await bundleFunction(name);
      console.log(`${file.slice(ROOT.length + 1)}  ${(bytes / 1024).toFixed(0)} KiB`);
    }
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
