// A process that is killed when it has made a key, and before it has the token for it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import { fileTokenCache } from '@oa/token-cache';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import {
  agreeingBrowser,
  bearer,
  managerAt,
  startJob,
  startScripted,
  storedTokens,
  temporaryDirectory,
  tokensDirectory,
  type Job,
} from '../setup.ts';

const DEVICE: Reply = {
  json: { device_code: 'd', user_code: 'U', verification_uri: 'https://as.example/d', expires_in: 60, interval: 1 },
};

const grants: { grant_type: string; credentials: Job['credentials'] }[] = [
  { grant_type: 'client_credentials', credentials: { client_id: 'c', client_secret: 's' } },
  { grant_type: 'authorization_code', credentials: { client_id: 'c' } },
  { grant_type: DEVICE_CODE_GRANT_TYPE, credentials: { client_id: 'c', grant_type: DEVICE_CODE_GRANT_TYPE } },
];

it.each(grants)(
  'a process that is killed between the key and the token of $grant_type costs nothing',
  async ({ credentials }) => {
    const { server, metadata } = await startScripted();
    // The second process uses the code of a second login, as a user would give it.
    const token: Reply = bearer('second', { token_type: 'DPoP', refresh_token: 'r' });
    const isFirst = (): boolean => server.requestsTo('/token').length === 1;
    server.script({ '/device': DEVICE, '/token': () => (isFirst() ? { drop: 'never' } : token) });
    const target = { ...metadata, device_authorization_endpoint: `${server.origin}/device` };
    const directory = temporaryDirectory();
    const job: Job = { directory, target, credentials, dpop: true, agent: await startAgent() };

    const holder = startJob(job);
    await expect.poll(() => server.requestsTo('/token').length, { timeout: 20_000 }).toBe(1);
    const waiting = startJob(job);
    holder.kill('SIGKILL');
    expect((await holder.ended).signal).toBe('SIGKILL');
    expect(textsBelow(directory)).not.toContain(keyOf(server.requestsTo('/token')[0]).x);
    const [result] = await waiting.results;
    expect(result).toMatchObject({ ok: true, access_token: 'second' });
    // It is a grant like the first one: no refresh was interrupted, no file is damaged, and nothing was waited for in vain.
    expect(result?.events.filter((type) => type === 'grant_needed' || type === 'obtained')).toEqual([
      'grant_needed',
      'obtained',
    ]);
    expect(result?.events.filter((type) => /refresh|failed|damaged|interrupted|retry/.test(type))).toEqual([]);

    const [first, second] = server.requestsTo('/token').map(keyOf);
    const [stored, ...others] = storedTokens(directory);
    expect(others).toEqual([]);
    const { d: _d, ...kept } = stored?.dpop_key ?? ({} as never);
    expect(kept).toEqual(second);
    expect(first).not.toEqual(second);
    const files = textsBelow(directory);
    expect(files).toContain(second?.x);
    expect(files).not.toContain(first?.x);
    expect(files).not.toContain(first?.y);
    // `d` is what no request shows. One key is all that the files have.
    expect(files.match(/"d":/g)).toHaveLength(1);

    // No lock is left: this process has it at once, for the logout of the session and for the next login.
    const { manager } = managerAt(directory, { dpop: true, interaction: 'never' });
    expect(await manager.sessions()).toMatchObject({ ok: true, value: [{ client_id: 'c' }] });
    const cache = fileTokenCache({ directory: tokensDirectory(directory) });
    const [{ key } = { key: '' }] = await cache.list();
    expect(await cache.lock(key, async () => 'mine', { timeout: 1000 })).toBe('mine');
    expect((await manager.getToken(target, credentials)).access_token).toBe('second');
    expect(server.requestsTo('/token')).toHaveLength(2);
  },
);

/** What a proof shows of its key. */
function keyOf(request: RecordedRequest | undefined): JWK {
  const proof = String(request?.headers['dpop']);
  expect(decodeJwt(proof)).toMatchObject({ htm: 'POST', jti: expect.any(String) });
  return decodeProtectedHeader(proof).jwk ?? {};
}

/** All that is in files, those that are hidden or temporary included. */
function textsBelow(directory: string): string {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n');
}

/** The address of a user that agrees at once. */
async function startAgent(): Promise<string> {
  const { openBrowser } = agreeingBrowser();
  const agent = await startScriptedServer(async ({ url }) => {
    await openBrowser(new URL(url, 'http://agent').searchParams.get('url') ?? '');
    return {};
  });
  onTestFinished(() => agent.close());
  return agent.origin;
}
