import { createInterface } from 'node:readline/promises';

/** Asks somebody at the terminal; null if there is none. */
export const askAtTerminal: ((question: string) => Promise<boolean>) | null =
  process.stdin.isTTY && process.stdout.isTTY
    ? async (question) => {
        const terminal = createInterface({ input: process.stdin, output: process.stdout });
        try {
          return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
        } finally {
          terminal.close();
        }
      }
    : null;
