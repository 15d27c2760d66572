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

/** Whether stdin or stderr is a terminal, and `CI` is not set. */
export function hasTerminal({ env }: Environment): boolean {
  const isCi = isSet(env['CI']) && env['CI'] !== 'false' && env['CI'] !== '0';
  return !isCi && (process.stdin.isTTY || process.stderr.isTTY);
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
  if (isSsh(env)) {
    const command = sshCommand(env, hostname, port);
    const other = canPaste ? ` Or: ${lowerFirst(paste)}` : '';
    return `This is an SSH session. On the machine with your browser, run\n\n    ${command}\n\nand open the URL there.${other}`;
  }
  if (isWsl(env))
    return `No browser could be started from WSL. Open the URL in a browser of Windows, or set BROWSER to a program that opens one (such as wslview). ${paste}`;
  if (environment.container || isSet(env['KUBERNETES_SERVICE_HOST']) || isSet(env['container']))
    return `This is a container. A browser outside can reach port ${port} only if the port is forwarded to the container. ${paste}`;
  return `No browser could be started here. ${paste}`;
}

/**
 * Forwards the port of the redirect URI to this machine. `SSH_CONNECTION` is client, port, server, port. The user copies the command to a
 * shell, so a value that is not what it should be is left out.
 */
function sshCommand(env: NodeJS.ProcessEnv, hostname: string, port: string): string {
  const { isIP } = process.getBuiltinModule('node:net');
  const [, , host = '', sshPort = ''] = (env['SSH_CONNECTION'] ?? '').split(' ');
  const user = [env['USER'], env['LOGNAME']].find((name) => /^\w[\w.-]{0,31}$/.test(name ?? ''));
  const destination = `${user === undefined ? '' : `${user}@`}${isIP(host) === 0 ? '<this machine>' : host}`;
  const receiver = hostname === 'localhost' ? '127.0.0.1' : hostname;
  return `ssh -N -L ${port}:${receiver}:${port} ${/^\d{1,5}$/.test(sshPort) && sshPort !== '22' ? `-p ${sshPort} ` : ''}${destination}`;
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

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
