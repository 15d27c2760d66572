import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import { findChromium, startChromium } from '@oa-internal/testing/chromium';
import { rolldown } from 'rolldown';
import { beforeAll, expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

const chromium = findChromium();

/** What a page does with a DPoP token at its own origin. */
const PROGRAM = `
  import { createFetch } from '@oa/fetch';
  import { createDpop, createDpopKey } from '@oa/dpop';
  globalThis.run = async () => {
    const dpop_key = await createDpopKey();
    const call = createFetch(async () => ({ access_token: 'token', token_type: 'DPoP', dpop_key }));
    const response = await call(new URL('/api?page=1', location.href), { method: 'POST', body: 'kept' }).catch((error) => error);
    const redirected = await call(new Request('/moved')).catch((error) => error);
    return [response.status, (await createDpop(dpop_key)).jkt.length, redirected.code];
  };
`;

beforeAll(() => {
  execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
});

async function bundle(): Promise<string> {
  const entry = join(root, 'packages/fetch/program.js');
  await using build = await rolldown({
    input: entry,
    platform: 'browser',
    tsconfig: false,
    plugins: [
      { name: 'program', resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? PROGRAM : null) },
    ],
  });
  const { output } = await build.generate({ format: 'iife', codeSplitting: false });
  return output.flatMap((file) => (file.type === 'chunk' ? file.code : [])).join('\n');
}

const nonceOf = ({ headers }: RecordedRequest): unknown =>
  JSON.parse(Buffer.from(String(headers['dpop']).split('.')[1] ?? '', 'base64url').toString() || '{}').nonce;

it.skipIf(chromium === undefined)('sends a DPoP token in Chromium, and follows no redirect there', async () => {
  const code = await bundle();
  const nonceNeeded = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n' };
  await using server = await startScriptedServer((request): Reply => {
    if (request.path === '/') return { headers: { 'content-type': 'text/html' }, body: `<script>${code}</script>` };
    if (request.path === '/moved') return { status: 302, headers: { location: '/api' } };
    return nonceOf(request) === 'n' ? { body: request.body } : { status: 401, headers: nonceNeeded };
  });
  await using context = await startChromium(chromium ?? '');
  const page = await context.newPage();
  await page.goto(server.origin);
  expect(await page.evaluate('run()')).toEqual([200, 43, 'redirect_refused']);
  const sent = server
    .requestsTo('/api')
    .map((request) => [request.headers.authorization, nonceOf(request), request.body]);
  expect(sent).toEqual([
    ['DPoP token', undefined, 'kept'],
    ['DPoP token', 'n', 'kept'],
  ]);
});
