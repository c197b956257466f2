'use strict';
/*
 * Runs the bundle beside it with the code that V8 compiled of it in an earlier run. That saves a third of a cold start:
 * Node's own compile cache (NODE_COMPILE_CACHE) keeps only what was compiled before the first line ran.
 *
 * The code is in the file CODE_CACHE, or in index.cache beside this file. With CODE_CACHE set it is written when there is
 * none, or when V8 refuses it (another Node, other options, another bundle); without, it is only read. What cannot be
 * read or written costs time and nothing else.
 */
const { readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** By then the first events have shown which functions are used; later V8 forgets what the start alone needed. */
const WRITE_AFTER_MS = 5_000;

const bundle = join(__dirname, 'index.cjs');
const cache = process.env.CODE_CACHE || join(__dirname, 'index.cache');

function readCache() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

const cachedData = readCache();
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(bundle, 'utf8')}\n})`;
const script = new Script(source, { filename: bundle, cachedData });

if (process.env.CODE_CACHE && (cachedData === undefined || script.cachedDataRejected)) {
  let isWritten = false;
  const write = () => {
    if (isWritten) return;
    isWritten = true;
    const temporary = `${cache}.${process.pid}`;
    try {
      writeFileSync(temporary, script.createCachedData());
      renameSync(temporary, cache);
    } catch {
      rmSync(temporary, { force: true });
    }
  };
  setTimeout(write, WRITE_AFTER_MS).unref();
  process.once('exit', write);
}

script.runInThisContext()(exports, require, module, bundle, __dirname);
