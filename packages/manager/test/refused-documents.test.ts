import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Manager } from '@oa/manager';
import type { AuthorizationServer, Token } from '@oa/types';
import type { RecordedRequest } from '@oa-internal/scripted-server';
import { describe, expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from './setup.ts';

const url = 'https://tool.example/client.json';
const fileIn = (directory: string): string => join(directory, 'cache', 'test', 'refused-documents.json');

/** How one manager logs in. */
interface LoginPlan {
  cache?: Map<string, Token>;
  logins?: number;
}

/** A server that refuses the document. */
async function startRefusingServer(): Promise<AuthorizationServer> {
  const { metadata } = await startScripted({
    '/register': { status: 201, json: { client_id: 'registered' } },
    '/token': ({ form }: RecordedRequest) =>
      form.get('client_id') === url ? { status: 401, json: { error: 'invalid_client' } } : bearer('a'),
  });
  return { ...metadata, client_id_metadata_document_supported: true };
}

/** Logs in at a server that refuses the document, and returns the clients of the logins so far. */
async function startServer(): Promise<(directory: string, options?: LoginPlan) => Promise<(string | null)[]>> {
  const target = await startRefusingServer();
  const { openBrowser, urls } = agreeingBrowser();
  return async (directory, { cache, logins = 1 } = {}) => {
    const { manager } = managerAt(directory, { cache, clientMetadata: { url }, login: { openBrowser } });
    for (let login = 0; login < logins; login += 1) await manager.getToken(target, { profile: crypto.randomUUID() });
    return urls.map(({ searchParams }) => searchParams.get('client_id'));
  };
}

describe('the servers that refuse the document', () => {
  it('are in a private file, with the URL of the document', async () => {
    const logIn = await startServer();
    const directory = temporaryDirectory();
    await logIn(directory);
    expect(Object.values(JSON.parse(readFileSync(fileIn(directory), 'utf8')) as object)).toEqual([
      { url, until: expect.any(Number) },
    ]);
  });

  it.each(['', '{"https://as', '[]', '{"ISSUER":5}', '{"ISSUER":{"url":"URL","until":9e15}}'])(
    'are asked again where the file has %j, and are remembered then',
    async (text) => {
      const logIn = await startServer();
      const directory = temporaryDirectory();
      await logIn(directory);
      const [issuer = ''] = Object.keys(JSON.parse(readFileSync(fileIn(directory), 'utf8')) as object);
      writeFileSync(fileIn(directory), text.replace('ISSUER', issuer).replace('URL', url));
      await logIn(directory);
      expect(await logIn(directory)).toEqual([url, 'registered', url, 'registered', 'registered']);
    },
  );

  it('are what the last process has stored: a day later, and after forgetClient', async () => {
    const target = await startRefusingServer();
    const { openBrowser, urls } = agreeingBrowser();
    const directory = temporaryDirectory();
    let time = Date.now();
    const start = (): Manager =>
      managerAt(directory, { clientMetadata: { url }, login: { openBrowser }, now: () => time }).manager;
    const [first, second] = [start(), start()];
    const logIn = async (manager: Manager): Promise<unknown> =>
      manager.getToken(target, { profile: crypto.randomUUID() });
    await logIn(first);
    time += 86_400_001;
    await logIn(second);
    await logIn(first);
    const clients = (): (string | null)[] => urls.map(({ searchParams }) => searchParams.get('client_id'));
    expect(clients()).toEqual([url, 'registered', url, 'registered', 'registered']);
    await first.forgetClient(target);
    await logIn(second);
    expect(clients().slice(5)).toEqual([url, 'registered']);
  });

  it('are remembered by the process where the file can not be written', async () => {
    const logIn = await startServer();
    const directory = temporaryDirectory();
    mkdirSync(fileIn(directory), { recursive: true });
    expect(await logIn(directory, { logins: 2 })).toEqual([url, 'registered', 'registered']);
  });

  it('are not written where the program keeps its tokens elsewhere', async () => {
    const logIn = await startServer();
    const directory = temporaryDirectory();
    expect(await logIn(directory, { cache: new Map(), logins: 2 })).toEqual([url, 'registered', 'registered']);
    expect(existsSync(dirname(fileIn(directory))) && existsSync(fileIn(directory))).toBe(false);
  });
});
