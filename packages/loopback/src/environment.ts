import { assertNodeVersion } from '@oa/mechanisms';

assertNodeVersion();

/** The facts about this process that decide how a user can log in. */
export interface Environment {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  /** Whether the file system has the mark of a container runtime. */
  container: boolean;
}

/** Reads the facts about this process. */
export function readEnvironment(): Environment {
  const { existsSync } = process.getBuiltinModule('node:fs');
  return {
    env: process.env,
    platform: process.platform,
    container: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
  };
}

/** Whether a browser that is started here appears on the user's screen. */
export function hasScreen({ env, platform }: Environment): boolean {
  if (isSet(env['BROWSER'])) return true;
  if (platform === 'linux' || platform.endsWith('bsd'))
    return isSet(env['DISPLAY']) || isSet(env['WAYLAND_DISPLAY']) || (isWsl(env) && !isSsh(env));
  return !isSsh(env);
}

/** Whether stdin or stderr is a terminal. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY || process.stderr.isTTY;
}

/** Whether `CI` says that no user is there. */
export function isCi(env: NodeJS.ProcessEnv): boolean {
  return isSet(env['CI']) && env['CI'] !== 'false' && env['CI'] !== '0';
}

/**
 * Tells the user how to open the URL on this kind of machine, if no browser could be started. `canPaste`: whether the program reads what
 * the user pastes.
 */
export function browserHint(environment: Environment, { hostname, port }: URL, canPaste: boolean): string {
  const { env } = environment;
  const paste = canPaste
    ? 'Open the URL in any browser. If it ends on a page that does not load, paste its address here.'
    : `Open the URL in a browser that can reach port ${port} of this machine.`;
  if (isSsh(env)) return sshHint(hostname, port, canPaste);
  if (isWsl(env))
    return `No browser could be started from WSL. Open the URL in a browser of Windows, or set BROWSER to a program that opens one (such as wslview). ${paste}`;
  if (environment.container || isSet(env['KUBERNETES_SERVICE_HOST']) || isSet(env['container']))
    return `This is a container. A browser outside can reach port ${port} only if the port is forwarded to the container. ${paste}`;
  return `No browser could be started here. ${paste}`;
}

/**
 * The address of this machine in `SSH_CONNECTION` is often one that only its own network knows, so the command names none: the user knows
 * how they connected.
 */
function sshHint(hostname: string, port: string, canPaste: boolean): string {
  const receiver = hostname === 'localhost' ? '127.0.0.1' : hostname;
  const command = `\n\n    ssh -N -L ${port}:${receiver}:${port} <host>\n\n`;
  const forward = `on your own machine, where <host> is what you connected to (with the same user and options), and then open the URL there.`;
  return canPaste
    ? `This is an SSH session. Open the URL in the browser of your own machine. It ends on a page that does not load: paste its address here. Or forward the port first: run${command}${forward}`
    : `This is an SSH session. Forward the port first: run${command}${forward}`;
}

function isSsh(env: NodeJS.ProcessEnv): boolean {
  return isSet(env['SSH_CONNECTION']) || isSet(env['SSH_TTY']);
}

function isWsl(env: NodeJS.ProcessEnv): boolean {
  return isSet(env['WSL_DISTRO_NAME']) || isSet(env['WSL_INTEROP']);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
