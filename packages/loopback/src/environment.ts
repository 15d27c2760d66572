/** What the environment says about the person's screen. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  /** Whether a container runtime left its mark in the file system. */
  container: boolean;
}

export function surroundings(): Surroundings {
  const { existsSync } = process.getBuiltinModule('node:fs');
  return {
    env: process.env,
    platform: process.platform,
    container: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
  };
}

/** Whether a browser that is started here would appear in front of the person. */
export function hasScreen({ env, platform }: Surroundings): boolean {
  if (isSet(env['BROWSER'])) return true;
  if (platform === 'linux' || platform.endsWith('bsd'))
    return isSet(env['DISPLAY']) || isSet(env['WAYLAND_DISPLAY']) || (isWsl(env) && !isSsh(env));
  return !isSsh(env);
}

/** What a person does who sees no browser, on this kind of machine. */
export function hintFor(where: Surroundings, { hostname, port }: URL): string {
  const { env } = where;
  const paste = 'Open the URL in any browser. If it ends on a page that does not load, paste its address here.';
  if (isSsh(env))
    return `This is an SSH session. On the machine with your browser, run\n\n    ${forwarding(env, hostname, port)}\n\nand open the URL there. Or: ${lower(paste)}`;
  if (isWsl(env))
    return `No browser could be started from WSL. Open the URL in a browser of Windows, or set BROWSER to a program that opens one (such as wslview). ${paste}`;
  if (where.container || isSet(env['KUBERNETES_SERVICE_HOST']) || isSet(env['container']))
    return `This is a container: a browser outside can only reach port ${port} if it is forwarded to here. ${paste}`;
  return `No browser could be started here. ${paste}`;
}

/** Forwards the port to here, exactly as the redirect URI needs it. `SSH_CONNECTION` is client, port, server, port. */
function forwarding(env: NodeJS.ProcessEnv, hostname: string, port: string): string {
  const [, , host, sshPort] = (env['SSH_CONNECTION'] ?? '').split(' ');
  const user = env['USER'] ?? env['LOGNAME'];
  const at = `${user === undefined ? '' : `${user}@`}${host ?? '<this machine>'}`;
  const receiver = hostname === 'localhost' ? '127.0.0.1' : hostname;
  return `ssh -N -L ${port}:${receiver}:${port} ${sshPort === undefined || sshPort === '22' ? '' : `-p ${sshPort} `}${at}`;
}

function isSsh(env: NodeJS.ProcessEnv): boolean {
  return isSet(env['SSH_CONNECTION']) || isSet(env['SSH_TTY']);
}

function isWsl(env: NodeJS.ProcessEnv): boolean {
  return isSet(env['WSL_DISTRO_NAME']) || isSet(env['WSL_INTEROP']);
}

/** Whether somebody can be asked to log in. */
export function somebodyThere({ env }: Surroundings): boolean {
  const automatic = isSet(env['CI']) && env['CI'] !== 'false' && env['CI'] !== '0';
  return !automatic && (process.stdin.isTTY || process.stderr.isTTY);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
