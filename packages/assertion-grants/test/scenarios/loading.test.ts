import { startScriptedServer } from '@oa-internal/scripted-server';
import { observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const unwatched = { watchGlobals: false };
const reply = { json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 } };

it('loads ky, valibot and no built-in module beyond those of fetch with the first grant, and imports nothing at the next ones', async () => {
  await using server = await startScriptedServer(() => reply);
  const url = JSON.stringify(`${server.origin}/token`);
  const grants = `
    const { jwtBearer } = await import('@oa/assertion-grants');
    const grant = () =>
      jwtBearer({ issuer: 'https://as.example', token_endpoint: ${url} }, { client_id: 'c' }, { assertion: async () => 'a' });
    await grant();
    const first = loading();
    await grant();
    await grant();
    console.log(JSON.stringify({ first, next: loading().imports.slice(first.imports.length) }));
  `;
  const { first, next } = await observeLoading<{ first: Loading; next: string[] }>(
    grants,
    import.meta.dirname,
    {},
    unwatched,
  );
  expect(first.packages.toSorted()).toEqual(['ky', 'valibot']);
  expect(next).toEqual([]);
  expect(server.requests).toHaveLength(3);
  const bare = `await (await fetch(${url}, { method: 'POST', body: 'a=b' })).json(); console.log(JSON.stringify(loading()));`;
  const floor = new Set((await observeLoading<Loading>(bare, import.meta.dirname, {}, unwatched)).builtins);
  // Node.js strips the types of the sources with it.
  floor.add('internal/deps/amaro/dist/index');
  expect(first.builtins.filter((name) => !floor.has(name))).toEqual([]);
});
