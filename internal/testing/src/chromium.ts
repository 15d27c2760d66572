import { existsSync } from 'node:fs';
import type { BrowserContext } from 'playwright-core';

export type { BrowserContext, Page } from 'playwright-core';

/** Where Debian and other systems install Chromium. */
const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

/**
 * Finds the Chromium of this machine: the one that `$OA_CHROMIUM` names, else an installed one.
 *
 * @returns `undefined` if there is none, and says on stderr that tests are skipped
 * @throws {Error} if `$OA_CHROMIUM` names no file, or if there is none under CI, where the browser tests must run
 */
export function findChromium(paths: readonly string[] = PATHS): string | undefined {
  const { OA_CHROMIUM: named, CI } = process.env;
  if (named) {
    if (existsSync(named)) return named;
    throw new Error(`$OA_CHROMIUM names ${named}, which does not exist.`);
  }
  const installed = paths.find((path) => existsSync(path));
  if (installed !== undefined) return installed;
  if (CI !== undefined)
    throw new Error(`There is no Chromium at ${paths.join(', ')}. Install it, or name it with $OA_CHROMIUM.`);
  process.stderr.write('Chromium is not installed: the tests of the browser login are skipped.\n');
  return undefined;
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
