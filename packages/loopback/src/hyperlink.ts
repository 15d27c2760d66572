/** A terminal that is known to show a hyperlink, and the first version that does. */
const TERMINAL_VERSIONS: Record<string, number> = {
  'iTerm.app': 3.1,
  WezTerm: 20_200_620,
  vscode: 1.72,
  ghostty: 1,
  tmux: 3.4,
};
/** Variables that only such terminals set. */
const TERMINAL_VARIABLES = ['WT_SESSION', 'KITTY_WINDOW_ID', 'KONSOLE_VERSION', 'ALACRITTY_WINDOW_ID'];
/** Version 0.50.0 crashes at a hyperlink. */
const MIN_VTE_VERSION = 5_001;

/**
 * Whether the terminal shows OSC 8 hyperlinks. Others may print the sequence as text, so only those that are known count. A terminal wraps
 * a long URL, and only a hyperlink can still be clicked as a whole.
 *
 * @see https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
 */
export function hasHyperlinks(env: NodeJS.ProcessEnv): boolean {
  const { TERM = '', TERM_PROGRAM = '', TERM_PROGRAM_VERSION = '', VTE_VERSION = '' } = env;
  if (TERM === 'dumb' || TERM === 'linux') return false;
  // tmux and screen hide the terminal that they run in. Only tmux replaces its name, and screen prints the end of a long sequence.
  if (/^(?:screen|tmux)/.test(TERM) && TERM_PROGRAM !== 'tmux') return false;
  const minVersion = TERMINAL_VERSIONS[TERM_PROGRAM];
  if (minVersion !== undefined) return Number.parseFloat(TERM_PROGRAM_VERSION) >= minVersion;
  if (/^(?:xterm-kitty|xterm-ghostty|alacritty|foot)/.test(TERM)) return true;
  return Number(VTE_VERSION) >= MIN_VTE_VERSION || TERMINAL_VARIABLES.some((name) => (env[name] ?? '') !== '');
}

/** Makes each line of `text` that is `url` a hyperlink. `url` must have no control characters. */
export function toHyperlink(text: string, url: string): string {
  return text.replace(`\n${url}\n`, () => `\n\u001B]8;;${url}\u001B\\${url}\u001B]8;;\u001B\\\n`);
}
