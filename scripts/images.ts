// Draws docs/images: the pages that the browser ends on, and what the terminal shows. Needs Chromium and tmux.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, startChromium } from '@oa-internal/testing/chromium';
import { hasTmux } from '@oa-internal/testing/tmux';
import { drawPages } from './images/pages.ts';
import { drawTerminals } from './images/terminal.ts';
import { root } from './packages.ts';

const folder = join(root, 'docs', 'images');
const chromium = findChromium();
if (chromium === undefined || !hasTmux()) throw new Error('The pictures need Chromium and tmux. Install them.');
mkdirSync(folder, { recursive: true });
const browser = await startChromium(chromium);
try {
  const drawn = [...(await drawPages(browser, folder)), ...(await drawTerminals(await browser.newPage(), folder))];
  for (const file of readdirSync(folder).filter((each) => !drawn.includes(each))) rmSync(join(folder, file));
  process.stdout.write(`docs/images has ${drawn.length} pictures.\n`);
} finally {
  await browser.close();
}
