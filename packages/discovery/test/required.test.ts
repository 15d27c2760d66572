import type { ScriptedServer } from '@oa-internal/scripted-server';
import { discoverRequirements } from '@oa/discovery';
import { expect, it } from 'vitest';
import { RESOURCE, startServer } from './servers.ts';

const ISSUER = 'https://as.example';
const OTHER = 'https://other.example';

async function startApi(): Promise<ScriptedServer> {
  return startServer((origin) => ({
    [`${RESOURCE}/api`]: {
      json: { resource: `${origin}/api`, authorization_servers: [ISSUER], scopes_supported: ['all'] },
    },
    '/meta': { json: { resource: `${origin}/api`, authorization_servers: [OTHER] } },
  }));
}

it.each([
  ['an empty scope', 'Bearer scope=""', 'all'],
  ['an empty scope, and one in another challenge', 'DPoP scope="", Bearer scope="one"', 'one'],
  ['a scope of spaces', 'Bearer scope="  "', 'all'],
  ['a scope of DPoP', 'DPoP algs="ES256", scope="one"', 'one'],
  ['a scope of Basic alone', 'Basic realm="x", scope="one"', 'all'],
  ['a scope of Basic before Bearer', 'Basic realm="x", scope="one", Bearer realm="x"', 'all'],
  ['a scope of Basic before one of Bearer', 'Basic scope="one", Bearer scope="two"', 'two'],
  ['a scope of Basic after Bearer', 'Bearer realm="x", Basic scope="one"', 'all'],
  ['insufficient_scope in Basic', 'Basic error="insufficient_scope", Bearer scope="two"', 'two'],
])('takes the scopes of a token challenge, else those of the metadata: %s', async (_name, challenge, scope) => {
  await using api = await startApi();
  expect(await discoverRequirements(`${api.origin}/api`, { challenge })).toMatchObject({ scope });
});

it('reads the metadata that a challenge of another scheme names (RFC 9728 section 5.1)', async () => {
  await using api = await startApi();
  const challenge = `Custom resource_metadata="${api.origin}/meta", scope="one"`;
  const found = await discoverRequirements(`${api.origin}/api`, { challenge });
  expect(found).toMatchObject({ authorization_servers: [OTHER] });
  expect(found).not.toHaveProperty('scope');
});
