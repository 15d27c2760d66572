/** The agent as the browser of a program in another process, and whether a user can log in instead. */
import { pathToFileURL } from 'node:url';

/** Where the agent finds the issuer that it logs in at. */
export const ISSUER_VARIABLE = 'OA_AGENT_ISSUER';

/**
 * The environment of a program whose logins at `issuer` the agent does. The program itself needs no change: `BROWSER` is the agent, and
 * its stderr counts as a terminal.
 */
export function agentEnvironment(issuer: string): NodeJS.ProcessEnv {
  const program = `${import.meta.dirname}/agent-browser.ts`;
  const terminal = pathToFileURL(`${import.meta.dirname}/agent-terminal.ts`).href;
  return {
    BROWSER: `"${process.execPath}" "${program}"`,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${terminal}`.trim(),
    [ISSUER_VARIABLE]: issuer,
    CI: undefined,
  };
}

/** Whether this process has a terminal and a display, so that a user can log in with a browser. Never under CI. */
export function hasTerminalAndDisplay(): boolean {
  const display =
    ['darwin', 'win32'].includes(process.platform) ||
    process.env.DISPLAY !== undefined ||
    process.env.WAYLAND_DISPLAY !== undefined;
  return process.stdin.isTTY && process.stderr.isTTY && display && process.env.CI === undefined;
}
