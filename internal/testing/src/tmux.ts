import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from './directory.ts';

/** How long {@link Tmux.shows} waits for a text. */
const MAX_WAIT_MS = 30_000;
const POLL_PAUSE_MS = 30;

export interface TmuxOptions {
  /** The programs of the shell, by name. Each is a command with its arguments. */
  programs: Record<string, readonly string[]>;
  /** The whole environment of the shell. */
  env: NodeJS.ProcessEnv;
  /** @default 80 */
  columns?: number;
  /** @default 24 */
  rows?: number;
}

/** A shell in a real terminal without a window. */
export interface Tmux {
  /** Types a text and Enter. */
  run: (command: string) => void;
  /** Types keys, by their names in tmux, such as `C-c`. */
  press: (...keys: string[]) => void;
  /** Pastes a text, as the menu of a terminal does. */
  paste: (text: string) => void;
  resize: (columns: number, rows: number) => void;
  /** The rows that are visible, without empty ones at the end. */
  screen: () => string;
  /** The visible rows and those that scrolled away. A row that the terminal has wrapped is one line. */
  history: () => string;
  /** Resolves when the history matches. */
  shows: (pattern: string | RegExp) => Promise<RegExpExecArray>;
  [Symbol.dispose]: () => void;
}

/** Whether tmux is installed. */
export function hasTmux(): boolean {
  try {
    return execFileSync('tmux', ['-V'], { encoding: 'utf8' }).startsWith('tmux');
  } catch {
    process.stderr.write('tmux is not installed: the tests of what a terminal shows are skipped.\n');
    return false;
  }
}

/** Starts a shell in tmux. Its prompt is `$ `. */
export function startTmux({ programs, env, columns = 80, rows = 24 }: TmuxOptions): Tmux {
  const directory = temporaryDirectory();
  for (const [name, command] of Object.entries(programs))
    writeFileSync(join(directory, name), `#!/bin/sh\nexec ${command.map(quoteWord).join(' ')} "$@"\n`, { mode: 0o755 });
  const rc = join(directory, 'rc');
  writeFileSync(rc, `PATH=${quoteWord(directory)}:$PATH\nPS1='$ '\n`);
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-f', '/dev/null', '-S', join(directory, 'socket'), ...args], { encoding: 'utf8', env });
  const size = ['-x', String(columns), '-y', String(rows)];
  tmux('new-session', '-d', ...size, 'bash', '--noprofile', '--rcfile', rc);
  const history = (): string => tmux('capture-pane', '-p', '-J', '-S', '-', '-t', ':').trimEnd();
  return {
    run: (command) => void tmux('send-keys', '-l', `${command}\r`),
    press: (...keys) => void tmux('send-keys', ...keys),
    paste(text) {
      const file = join(directory, 'buffer');
      writeFileSync(file, text);
      tmux('load-buffer', file);
      tmux('paste-buffer');
    },
    resize: (x, y) => void tmux('resize-window', '-x', String(x), '-y', String(y)),
    screen: () => tmux('capture-pane', '-p').trimEnd(),
    history,
    async shows(pattern) {
      for (const end = Date.now() + MAX_WAIT_MS; ;) {
        const shown = history();
        const match = new RegExp(pattern).exec(shown);
        if (match !== null) return match;
        if (Date.now() > end) throw new Error(`The terminal does not show ${String(pattern)}:\n${shown}`);
        await sleep(POLL_PAUSE_MS);
      }
    },
    [Symbol.dispose]() {
      tmux('kill-server');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
