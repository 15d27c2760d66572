import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import type { Page } from '@oa-internal/testing/chromium';
import { startTmux, type Tmux } from '@oa-internal/testing/tmux';
import { callbackOf } from './server.ts';

const COLUMNS = 100;
const ROWS = 22;

/** A picture of the terminal: its name, how the program runs, and what the user does until then. */
interface TerminalPicture {
  name: string;
  /** What OA_PICTURE of the program holds. */
  task?: { scope?: string; timeout?: number; isDiskFull?: boolean; openBrowser?: boolean };
  env?: NodeJS.ProcessEnv;
  act: (tmux: Tmux, home: string) => Promise<void>;
}

const TERMINAL_PICTURES: readonly TerminalPicture[] = [
  { name: 'waiting', act: async (tmux) => void (await startWaiting(tmux)) },
  {
    name: 'pasted',
    act: async (tmux) => {
      tmux.paste(callbackOf(await startWaiting(tmux)));
      await tmux.shows(/code=\S+state=\S+$/);
    },
  },
  { name: 'success', act: logIn },
  {
    name: 'ssh',
    task: { openBrowser: true },
    env: { SSH_CONNECTION: '203.0.113.5 50000 10.0.0.7 22' },
    act: async (tmux) => {
      await startWaiting(tmux);
      await tmux.shows('open the URL there');
    },
  },
  {
    name: 'elsewhere',
    act: async (tmux, home) => {
      using other = startTerminal({}, home);
      await startWaiting(other);
      tmux.run('my-tool');
      await tmux.shows('waits for it');
    },
  },
  { name: 'no-refresh-token', task: { scope: 'read offline_access' }, act: logIn },
  { name: 'not-stored', task: { isDiskFull: true }, act: logIn },
  {
    name: 'timeout',
    task: { timeout: 3000 },
    act: async (tmux) => {
      await startWaiting(tmux);
      await tmux.shows(/my-tool: [^$]+\n\$$/);
    },
  },
  {
    name: 'ci',
    env: { CI: 'true' },
    act: async (tmux) => {
      tmux.run('my-tool');
      await tmux.shows(/my-tool: [^$]+\n\$$/);
    },
  },
];

/** Starts the program, and returns the URL that it shows. */
async function startWaiting(tmux: Tmux): Promise<string> {
  tmux.run('my-tool');
  await tmux.shows('press Enter.');
  return (await tmux.shows(/https:\S+redirect_uri=\S+/))[0];
}

async function logIn(tmux: Tmux): Promise<void> {
  const url = await startWaiting(tmux);
  await fetch(callbackOf(url));
  await tmux.shows(/Hello, Ada\.[^$]*\n\$$/);
}

function startTerminal({ task = {}, env = {} }: Partial<TerminalPicture>, home: string): Tmux {
  const { CI: _, SSH_CONNECTION: _s, TMUX: _t, ...own } = process.env;
  return startTmux({
    programs: { 'my-tool': [process.execPath, '--conditions=@oa/source', join(import.meta.dirname, 'my-tool.ts')] },
    env: {
      ...own,
      ...env,
      BROWSER: '',
      WAYLAND_DISPLAY: '',
      DISPLAY: '',
      OA_PICTURE: JSON.stringify(task),
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_CONFIG_HOME: join(home, 'config'),
    },
    columns: COLUMNS,
    rows: ROWS,
  });
}

/** Draws what the terminal shows in each of its situations. */
export async function drawTerminals(page: Page, folder: string): Promise<string[]> {
  const files: string[] = [];
  await page.setViewportSize({ width: 940, height: 400 });
  for (const picture of TERMINAL_PICTURES) {
    const home = temporaryDirectory();
    for (const name of ['cache', 'config']) mkdirSync(join(home, name), { mode: 0o700 });
    try {
      using tmux = startTerminal(picture, home);
      await tmux.shows(/^\$/m);
      await picture.act(tmux, home);
      await page.setContent(toHtml(tmux.screen()));
      const file = `terminal-${picture.name}.png`;
      await page.locator('main').screenshot({ path: join(folder, file) });
      files.push(file);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
  return files;
}

/** The rows of a terminal as a page. */
function toHtml(screen: string): string {
  const text = screen.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  const shown = text.replace(/^\$/gm, '<b>$</b>');
  return `<!doctype html><style>
body { margin: 0; background: #fff }
main { display: inline-block; padding: 14px 18px; border-radius: 8px; background: #0d1117; color: #e6edf3 }
pre { margin: 0; min-width: ${COLUMNS}ch; font: 15px/1.35 'DejaVu Sans Mono', monospace }
b { color: #3fb950 }
</style><main><pre>${shown}</pre></main>`;
}
