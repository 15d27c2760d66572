import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const PACKAGE = new URL('../..', import.meta.url).pathname;

/** What a process has loaded after the code. */
async function loadedAfter(code: string, env: NodeJS.ProcessEnv = {}): Promise<Loading> {
  const program = `import * as sources from '@oa/workload-identity'; ${code}; console.log(JSON.stringify(loading()));`;
  return observeLoading<Loading>(program, PACKAGE, env);
}

/** The packages of the family, besides the leaves. */
function siblings({ urls }: Loading): string[] {
  const names = urls.map((url) => /\/packages\/([\w-]+)\//.exec(url)?.[1] ?? '');
  return [...new Set(names)].filter((name) => !['', 'types', 'mechanisms', 'workload-identity'].includes(name));
}

it('loads no network code, no signer and no built-in module when it is imported', async () => {
  const loading = await loadedAfter(
    'for (const make of [sources.workload, sources.githubActions, sources.gcpMetadata]) make()',
  );
  expect(siblings(loading)).toEqual([]);
  expect(loading).toMatchObject({ packages: [], requested: [], globals: [] });
});

it('loads for a token from the environment no more than that', async () => {
  const loading = await loadedAfter("await sources.envToken('OA_TOKEN')({ audience: 'a' })", { OA_TOKEN: 'token' });
  expect(siblings(loading)).toEqual([]);
  expect(loading).toMatchObject({ packages: [], requested: [], globals: [] });
});

it('loads for a service account the signer, and no network code', async () => {
  const code = `const { privateKey: key } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    await sources.serviceAccount({ iss: 'me', key })({ audience: 'a' })`;
  const loading = await loadedAfter(code);
  expect(siblings(loading)).toEqual(['client-authentication']);
  expect(loading.packages).toEqual([]);
});
