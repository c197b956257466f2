import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

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

/** What axe finds wrong with a page for people who hear, type or see little. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: loaded } = globalThis as unknown as { axe: typeof axe };
    const { violations } = await loaded.run();
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
    );
  });
}
