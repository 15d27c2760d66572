import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryDirectory } from './directory.ts';
import { findProgram } from './programs.ts';

/** A real keyring on a session bus of its own, with the home directory of a new user. */
export interface Keyring {
  /** The environment of a program that uses it: the bus, and an empty home. */
  env: NodeJS.ProcessEnv;
  /** The home directory. */
  home: string;
  /** The process that holds the secrets. */
  pid: () => number;
  /** Starts the keyring again without a password: its collection is locked, and no dialog can be shown. */
  lock: () => Promise<void>;
  /** Starts the keyring again with the password. */
  unlock: () => Promise<void>;
  /** Ends the keyring. The bus stays. */
  end: () => Promise<void>;
  /** Ends all of it, and removes its files. */
  stop: () => Promise<void>;
}

const PASSWORD = 'password of the keyring';

/** No service is started by the bus, so each process of the test is started by the test. */
const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`;

/** Whether the programs of the keyring are there. Without them the tests are skipped, except under CI. */
export function hasKeyring(): boolean {
  const programs = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool', 'dbus-send'];
  return programs.every((name) => findProgram(name, 'the keychain') !== undefined);
}

/** Starts `gnome-keyring-daemon`, unlocked, under `dbus-run-session`. */
export async function startKeyring(): Promise<Keyring> {
  const home = temporaryDirectory();
  for (const name of ['run', 'data', 'config', 'cache']) mkdirSync(join(home, name), { mode: 0o700 });
  const bus = join(home, 'bus.xml');
  writeFileSync(bus, BUS);
  const user: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: home,
    XDG_RUNTIME_DIR: join(home, 'run'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_CACHE_HOME: join(home, 'cache'),
  };
  // The session lasts until its standard input closes.
  const script = 'echo "$DBUS_SESSION_BUS_ADDRESS"; exec cat';
  const args = [`--config-file=${bus}`, '--', 'sh', '-c', script];
  const session = spawn('dbus-run-session', args, { env: user, stdio: ['pipe', 'pipe', 'ignore'] });
  const [address] = (await once(createInterface(session.stdout), 'line')) as [string];
  const env = { ...user, DBUS_SESSION_BUS_ADDRESS: address };
  let daemon = await startDaemon(env, PASSWORD);
  return {
    env,
    home,
    pid: () => daemon.pid ?? 0,
    async lock() {
      await endProcess(daemon);
      daemon = await startDaemon(env, undefined);
    },
    async unlock() {
      await endProcess(daemon);
      daemon = await startDaemon(env, PASSWORD);
    },
    end: () => endProcess(daemon),
    async stop() {
      await endProcess(daemon);
      const ended = once(session, 'close');
      session.stdin.end();
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** @param password `undefined` leaves the collection locked */
async function startDaemon(env: NodeJS.ProcessEnv, password: string | undefined): Promise<ChildProcess> {
  const args = ['--foreground', '--components=secrets', ...(password === undefined ? [] : ['--unlock'])];
  const daemon = spawn('gnome-keyring-daemon', args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
  daemon.stdin.end(password);
  while (!hasOwner(env)) {
    if (daemon.exitCode !== null) throw new Error(`gnome-keyring-daemon ended with ${daemon.exitCode}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return daemon;
}

/** Whether a keyring has taken its name on the bus. */
function hasOwner(env: NodeJS.ProcessEnv): boolean {
  const call = ['org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets'];
  const args = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus', ...call];
  return spawnSync('dbus-send', args, { env, encoding: 'utf8' }).stdout.includes('true');
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}
