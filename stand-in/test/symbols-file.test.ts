import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatSymbols } from '@kandle/market/event/symbol';
import { expect, onTestFinished, test } from 'vitest';
import { withSymbolsFile } from '../src/symbols-file.ts';

const SCRIPT =
  "console.log(require('node:fs').readFileSync(process.env.SYMBOLS_FILE, 'utf8').split('\\n').length)";

test('a process is started with 9,000 symbols, which are more than a variable takes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-symbols-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const symbols = Array.from({ length: 9_000 }, (_, n) => `EXCHANGE${n}:SYMBOL${n}`);
  const feed = { FEED: 'sim', SYMBOLS: formatSymbols(symbols) };
  const start = (env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, ['-e', SCRIPT], { env, encoding: 'utf8' });
  expect(start(feed).error).toMatchObject({ code: 'E2BIG' });
  expect(start(withSymbolsFile(feed, join(folder, 'symbols.txt')))).toMatchObject({
    status: 0,
    stdout: '9000\n',
  });
});
