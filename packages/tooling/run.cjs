'use strict';
/*
 * Runs a program of Kandle, or nothing (before a chain of commands), if this Node is new enough for it:
 * `node packages/tooling/run.cjs [program.ts [arguments]]`. Plain JavaScript, so that an old Node can read it and say
 * what is wrong.
 */
const { resolve } = require('node:path');
const { pathToFileURL } = require('node:url');

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `Kandle needs Node 24 or newer, and this is ${process.version}.\n` +
      'The project brings its own Node 24: run "npm ci" without --ignore-scripts, then use the npm scripts ' +
      '(npm start, npm test).',
  );
  process.exit(1);
}

const [program, ...rest] = process.argv.slice(2);
if (program !== undefined) {
  const file = resolve(program);
  // The program finds itself and its arguments where it would without us.
  process.argv = [process.argv[0], file, ...rest];
  // If it cannot be loaded, Node says why and ends with 1.
  void import(pathToFileURL(file).href);
}
