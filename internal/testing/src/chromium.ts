import { existsSync } from 'node:fs';
import type { BrowserContext } from 'playwright-core';

export type { BrowserContext, Page } from 'playwright-core';

/** Debian's package `chromium`, and where other systems put it. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

/**
 * The Chromium of this machine, `undefined` if there is none. Under CI that is an error: the tests of the pages have
 * to run somewhere.
 */
export function findChromium(): string | undefined {
  const place = PLACES.find((path) => existsSync(path));
  if (place === undefined && process.env.CI !== undefined) throw new Error(`no Chromium at ${PLACES.join(', ')}`);
  if (place === undefined)
    process.stderr.write('Chromium is not installed: the tests of the browser login are skipped.\n');
  return place;
}

/** Starts Chromium without a window and with an empty profile. Closing the context ends it. */
export async function startChromium(executablePath: string): Promise<BrowserContext> {
  const { chromium } = await import('playwright-core');
  const args = '--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync';
  return chromium.launchPersistentContext('', {
    executablePath,
    headless: true,
    args: [...args.split(' '), '--no-first-run'],
  });
}
