import { chmodSync, chownSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, temporaryDirectory } from '@oa-internal/testing';
import type { TestPostgres } from '@oa-internal/testing/postgres';

const START_TIMEOUT_MS = 20_000;
const UNPRIVILEGED = { uid: 65_534, gid: 65_534 };

/** A PgBouncer between a test and its server. */
export interface TestPooler {
  connectionString: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @returns the program, `undefined` if it is missing. Tests are skipped then. */
export function findPgBouncer(): string | undefined {
  return findProgram('pgbouncer', 'PgBouncer', [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin']);
}

/** Starts PgBouncer on loopback. */
export async function startPgBouncer(
  program: string,
  server: TestPostgres,
  settings: readonly string[],
): Promise<TestPooler> {
  const directory = temporaryDirectory();
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  const users = join(directory, 'users.txt');
  const configuration = join(directory, 'pgbouncer.ini');
  writeFileSync(users, `"${server.user}" "${server.password}"\n`);
  writeFileSync(
    configuration,
    [
      '[databases]',
      `postgres = host=127.0.0.1 port=${server.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = scram-sha-256',
      `auth_file = ${users}`,
      'ignore_startup_parameters = extra_float_digits',
      ...settings,
      '',
    ].join('\n'),
  );
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [directory, users, configuration]) chownSync(path, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  chmodSync(users, 0o600);
  const pooler = spawn(program, [configuration], {
    ...(isRoot && UNPRIVILEGED),
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  pooler.stderr.on('data', (text: Buffer) => (log += String(text)));
  for (const start = performance.now(); !log.includes('process up'); await sleep(20))
    if (pooler.exitCode !== null || performance.now() - start > START_TIMEOUT_MS)
      throw new Error(`PgBouncer did not start: ${log}`);
  return {
    connectionString: String(Object.assign(new URL(server.connectionString), { port: String(port) })),
    async [Symbol.asyncDispose]() {
      const closed = once(pooler, 'close');
      pooler.kill('SIGKILL');
      await closed;
      rmSync(directory, { recursive: true });
    },
  };
}
