import { expect, it } from 'vitest';
import { hasHyperlinks, toHyperlink } from '../src/hyperlink.ts';

it.each<[string, NodeJS.ProcessEnv, boolean]>([
  ['GNOME Terminal', { TERM: 'xterm-256color', VTE_VERSION: '7402' }, true],
  ['an old GNOME Terminal', { TERM: 'xterm-256color', VTE_VERSION: '4601' }, false],
  ['iTerm 3.5', { TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.5.0' }, true],
  ['iTerm 2', { TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '2.9' }, false],
  ['Windows Terminal', { WT_SESSION: 'x' }, true],
  ['kitty', { TERM: 'xterm-kitty' }, true],
  ['tmux 3.4', { TERM: 'tmux-256color', TERM_PROGRAM: 'tmux', TERM_PROGRAM_VERSION: '3.4' }, true],
  [
    'tmux 3.2 in kitty',
    { TERM: 'screen', TERM_PROGRAM: 'tmux', TERM_PROGRAM_VERSION: '3.2a', KITTY_WINDOW_ID: '1' },
    false,
  ],
  ['screen in iTerm', { TERM: 'screen', TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.5.0' }, false],
  ['tmux 3.1 in VS Code', { TERM: 'tmux-256color', TERM_PROGRAM: 'vscode', TERM_PROGRAM_VERSION: '1.95.0' }, false],
  ['GNOME Terminal that crashes', { TERM: 'xterm-256color', VTE_VERSION: '5000' }, false],
  ['screen in Konsole', { TERM: 'screen', KONSOLE_VERSION: '230800' }, false],
  [
    'the macOS Terminal',
    { TERM: 'xterm-256color', TERM_PROGRAM: 'Apple_Terminal', TERM_PROGRAM_VERSION: '455' },
    false,
  ],
  ['the Linux console', { TERM: 'linux', VTE_VERSION: '7402' }, false],
  ['Emacs', { TERM: 'dumb' }, false],
  ['an unknown terminal', { TERM: 'xterm' }, false],
])('knows whether %s shows hyperlinks', (_, env, expected) => {
  expect(hasHyperlinks(env)).toBe(expected);
});

it('makes the line of the URL a hyperlink, and changes nothing else', () => {
  const url = 'https://as.example/a?b=$&';
  expect(toHyperlink(`Open\n\n${url}\n\nand ${url}`, url)).toBe(
    `Open\n\n\u001B]8;;${url}\u001B\\${url}\u001B]8;;\u001B\\\n\nand ${url}`,
  );
});
