import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian's package puts it; CHROMIUM names another. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Why tests in a browser are left out, as the end of their name; null where there is one. */
export const NO_CHROMIUM: string | null = existsSync(CHROMIUM)
  ? null
  : `: left out, for there is none at ${CHROMIUM} (apt-get install chromium, or name one in CHROMIUM)`;

/** Starts a Chromium without a window. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Its sandbox refuses root, and a container has none to give.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}
