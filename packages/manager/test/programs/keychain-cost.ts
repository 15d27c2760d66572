// Measures what a stored token costs with `storage: 'file'` and with `storage: 'keychain'`, each in new processes with a real keyring:
// npx -y pnpm@12 build && npx -y pnpm@12 exec node packages/manager/test/programs/keychain-cost.ts
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startKeyring, startProcess, temporaryDirectory } from '@oa-internal/testing';
import { createManager, type ManagerOptions } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import { keychainKey } from '@oa/keychain';

type Storage = NonNullable<ManagerOptions['storage']>;

const RUNS = 30;
const issuer = 'https://as.example';
const client_id = 'my-tool';

/** The milliseconds of the first and of the second call in this process. */
async function measureCalls(storage: Storage): Promise<void> {
  const manager = createManager({ app: 'cost', storage, interaction: 'never' });
  const times: number[] = [];
  for (let calls = 0; calls < 2; calls += 1) {
    const start = performance.now();
    await manager.getToken(issuer, { client_id });
    times.push(performance.now() - start);
  }
  process.stdout.write(JSON.stringify(times));
}

async function measureStorages(): Promise<void> {
  const keyring = await startKeyring();
  const directory = temporaryDirectory();
  for (const storage of ['file', 'keychain'] as const) {
    const env = { ...keyring.env, XDG_CACHE_HOME: `${directory}/${storage}` };
    Object.assign(process.env, env);
    const encryption = storage === 'keychain' ? keychainKey({ service: 'cost', account: 'tokens' }) : undefined;
    const key = tokenKey({ issuer, client_id, grant_type: 'authorization_code' });
    const expires_at = Math.floor(Date.now() / 1000) + 3600;
    await fileTokenCache({ app: 'cost', encryption }).set(key, { access_token: 'a', token_type: 'Bearer', expires_at });
    const calls: number[][] = [];
    for (let runs = 0; runs < RUNS; runs += 1) {
      const { stdout } = await startProcess(fileURLToPath(import.meta.url), { args: [storage], env }).ended;
      calls.push(JSON.parse(stdout) as number[]);
    }
    const medianOf = (call: number): string =>
      (calls.map((times) => times[call] ?? 0).toSorted((a, b) => a - b)[RUNS / 2] ?? 0).toFixed(2);
    process.stdout.write(
      `${storage}: first call ${medianOf(0)} ms, second call ${medianOf(1)} ms (medians of ${RUNS} processes)\n`,
    );
  }
  rmSync(directory, { recursive: true });
  await keyring.stop();
}

const [storage] = process.argv.slice(2);
await (storage === undefined ? measureStorages() : measureCalls(storage as Storage));
