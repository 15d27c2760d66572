import { rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { startScriptedServer, type Reply } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = new URL('programs/hostile.ts', import.meta.url);
const json = { 'content-type': 'application/json' };
const GIBIBYTE_BYTES = 1024 ** 3;

interface ProcessOutcome {
  code: string | number;
  /** Milliseconds. */
  time: number;
  /** The most memory of the process's life, in MiB. */
  rss: number;
}

let cache: string;

beforeAll(async () => {
  // The processes run TypeScript. Removing the types costs 25 MB, which would be counted. The first runs leave the result in a compile
  // cache, so that the others load JavaScript, as they would from an installed package. The second loads what explains failures.
  cache = temporaryDirectory();
  await requestFrom({ json: {} });
  await requestFrom({ drop: 'request' });
});

afterAll(() => rmSync(cache, { recursive: true }));

/** Sends a request, from a process of its own, to a server that answers with `reply`. */
async function requestFrom(reply: Reply): Promise<ProcessOutcome> {
  await using server = await startScriptedServer(() => reply);
  // Under coverage the test runner turns the cache off.
  const { NODE_V8_COVERAGE: _, NODE_DISABLE_COMPILE_CACHE: __, ...env } = process.env;
  const child = startProcess(program, { args: [server.origin], env: { ...env, NODE_COMPILE_CACHE: cache } });
  const { stdout } = await child.ended;
  return JSON.parse(stdout) as ProcessOutcome;
}

describe('a process stays under 100 MB and ends in time (RFC 6749 section 5.1)', () => {
  it('with 1 GiB of JSON without an end', async () => {
    let sent = 0;
    const body = blocks(GIBIBYTE_BYTES, (bytes) => (sent += bytes));
    const { code, rss } = await requestFrom({ headers: json, body });
    expect(code).toBe('response_too_large');
    expect(rss).toBeLessThan(100);
    expect(sent).toBeLessThan(64 * 1024 ** 2);
  });

  it('with 1 GiB in 1 MB of gzip', async () => {
    // 16 members of 64 MiB each: a gzip file may consist of several.
    const member = gzipSync(new Uint8Array(64 * 1024 ** 2).fill(32), { level: 9 });
    const headers = { ...json, 'content-encoding': 'gzip' };
    const { code, rss } = await requestFrom({ headers, body: Buffer.concat(Array.from({ length: 16 }, () => member)) });
    expect(code).toBe('response_too_large');
    expect(rss).toBeLessThan(100);
  });

  it('with a body that drips', async () => {
    const { code, rss, time } = await requestFrom({ headers: json, body: drip() });
    expect(code).toBe('timeout');
    expect(rss).toBeLessThan(100);
    expect(time).toBeLessThan(10_000);
  });

  it('with 10,000 headers', async () => {
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x-header-${index}`, 'value']));
    const { code, rss } = await requestFrom({ headers, json: {} });
    expect(code).toBe('response_too_large');
    expect(rss).toBeLessThan(100);
  });
});

async function* blocks(total: number, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(256 * 1024).fill(32);
  yield Buffer.from('{"a":');
  for (let sent = 0; sent < total; sent += block.length) {
    count(block.length);
    yield block;
  }
}

async function* drip(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield new Uint8Array([32]);
    await new Promise((resolve) => setTimeout(resolve, 50).unref());
  }
}
