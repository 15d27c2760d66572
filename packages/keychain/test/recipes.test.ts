// Runs the recipes of the README as they stand, each in a process of its own. Only the address of Vault is replaced.
import { stripTypeScriptTypes } from 'node:module';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory, type ProcessEnd } from '@oa-internal/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
/** Programs in it find the packages, this one included. */
const programs = join(import.meta.dirname, '..', '.recipes');

beforeAll(() => void mkdirSync(programs, { recursive: true }));
afterAll(() => rmSync(programs, { recursive: true }));

function run(recipe: string, env: Record<string, string>, address = 'https://vault.example:8200'): Promise<ProcessEnd> {
  const section = new RegExp(`^### ${recipe}\\n([^]*?)(?=^##)`, 'm').exec(README)?.[1] ?? '';
  const code = /^```ts\n([^]*?)^```$/m.exec(section)?.[1] ?? '';
  const program = join(programs, `${recipe}.mjs`);
  writeFileSync(program, stripTypeScriptTypes(code.replace('https://vault.example:8200', address)));
  return startProcess(program, { env: { ...process.env, ...env } }).ended;
}

it('systemd', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'token-key'), Buffer.alloc(32, 1).toString('base64'), { mode: 0o400 });
  expect(await run('systemd', { CREDENTIALS_DIRECTORY: directory })).toMatchObject({ code: 0, stdout: '32\n' });
  rmSync(directory, { recursive: true });
});

it('Passphrase', async () => {
  expect(await run('Passphrase', { MY_TOOL_PASSPHRASE: 'correct horse' })).toMatchObject({ code: 0, stdout: '32\n' });
});

it('KMS', async () => {
  const path = '/v1/transit/decrypt/my-service';
  const server = await startScriptedServer({
    [path]: { json: { data: { plaintext: Buffer.alloc(32, 1).toString('base64') } } },
  });
  const env = { VAULT_TOKEN: 'the-token', MY_SERVICE_DATA_KEY: 'vault:v1:wrapped' };
  expect(await run('KMS', env, server.origin)).toMatchObject({ code: 0, stdout: '32\n' });
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    headers: { 'x-vault-token': 'the-token' },
    body: JSON.stringify({ ciphertext: 'vault:v1:wrapped' }),
  });
  server.script({ [path]: { status: 403 } });
  const refused = await run('KMS', env, server.origin);
  expect(refused.stderr).toContain('Vault answered 403. Check VAULT_TOKEN and its policy.');
  await server.close();
});
