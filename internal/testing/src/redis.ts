import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from './directory.ts';
import { findProgram } from './programs.ts';

/** The Redis of a test, on loopback, with a directory and a port of its own. */
export interface TestRedis {
  port: number;
  /** With the password, if it has one. */
  url: string;
  /** Ends it with a signal, and waits for its end. What SIGKILL ends has saved what was written, if it is durable. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again after its end, with the same port and data, and waits until it answers. */
  start(): Promise<void>;
  /** Stops the process, or lets it go on. Its connections stay. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Sends one command, and returns the answer as Redis writes it. */
  ask(...command: string[]): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How the Redis of a test is started. */
export interface TestRedisOptions {
  /** Whether each write is on disk before it is answered. @default false: nothing survives its end */
  isDurable?: boolean;
  password?: string;
  /** More arguments of `redis-server`. */
  args?: readonly string[];
}

const START_WAIT_MS = 20_000;
const ASK_WAIT_MS = 5000;

/** The path of `redis-server`. `undefined` if it is not installed: its tests are skipped then. */
export function findRedis(purpose: string): string | undefined {
  return findProgram('redis-server', purpose);
}

/** Starts a Redis, and waits until it answers. */
export async function startRedis(program: string, options: TestRedisOptions = {}): Promise<TestRedis> {
  const { isDurable = false, password, args = [] } = options;
  const directory = temporaryDirectory();
  const port = await freePort();
  const appendonly = isDurable ? 'yes' : 'no';
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: directory,
    save: '',
    appendonly,
    appendfsync: 'always',
  };
  const commandLine = [
    ...Object.entries({ ...settings, ...(password !== undefined && { requirepass: password }) }).flatMap(
      ([name, value]) => [`--${name}`, value],
    ),
    ...args,
  ];
  let server: ChildProcess | undefined;

  async function ask(...command: string[]): Promise<string> {
    const login = password === undefined ? [] : [['AUTH', password]];
    return askRedis(port, [...login, command]);
  }

  async function start(): Promise<void> {
    server = spawn(program, commandLine, { stdio: 'ignore' });
    const failed = new Promise<never>((_, reject) => server?.once('error', reject));
    await Promise.race([failed, untilAnswers(ask)]);
  }

  async function end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = server;
    server = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once('close', resolve));
    running.kill(signal);
    // A stopped process ends when it goes on.
    running.kill('SIGCONT');
    await ended;
  }

  await start();
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`,
    end,
    start,
    signal: (signal) => void server?.kill(signal),
    ask,
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      rmSync(directory, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

async function untilAnswers(ask: (...command: string[]) => Promise<string>): Promise<void> {
  const deadline = performance.now() + START_WAIT_MS;
  for (;;) {
    const answer = await ask('PING').catch(() => '');
    if (answer.startsWith('+PONG')) return;
    if (performance.now() > deadline) throw new Error(`redis-server does not answer: ${answer}`);
    await sleep(20);
  }
}

/** Sends commands in one connection, and returns the answer to the last one. */
async function askRedis(port: number, commands: readonly (readonly string[])[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').setTimeout(ASK_WAIT_MS);
  socket.on('timeout', () => socket.destroy(new Error('redis-server does not answer.')));
  for (const command of [...commands, ['QUIT']])
    socket.write(
      `*${command.length}\r\n${command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`,
    );
  let answers = '';
  for await (const chunk of socket) answers += String(chunk);
  const withoutQuit = answers.slice(0, answers.lastIndexOf('+OK\r\n'));
  return commands.length > 1 ? withoutQuit.slice(withoutQuit.indexOf('\r\n') + 2) : withoutQuit;
}
