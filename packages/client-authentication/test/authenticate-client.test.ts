import { startScriptedServer } from '@oa-internal/scripted-server';
import { authenticateClient } from '@oa/client-authentication';
import { describe, expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { basicCredentials, newMetadata, ODD_SECRET, token } from './requests.ts';

const grant = { grant_type: 'client_credentials' };
const formDecode = (text: string): string => new URLSearchParams(`=${text}`).get('') ?? '';

describe('Basic', () => {
  it.each(['simple', 'se:c+r e/t%', ODD_SECRET, '~!*()\'"', '%41'])(
    'form-encodes identifier and secret %j before it joins them (RFC 6749 section 2.3.1)',
    async (secret) => {
      await using server = await startScriptedServer(() => ({ json: token }));
      await postGrant(newMetadata(server), { client_id: 'a b:é', client_secret: secret }, grant);
      const [sent] = server.requests;
      expect(sent && basicCredentials(sent, formDecode)).toEqual(['a b:é', secret]);
      expect(sent?.headers.authorization).toMatch(/^Basic [\w+/]+=*$/);
    },
  );

  it('form-encodes exactly as RFC 6749 appendix B', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    await postGrant(newMetadata(server), { client_id: 'c', client_secret: ODD_SECRET }, grant);
    const [sent] = server.requests;
    expect(sent && basicCredentials(sent, (text) => text)).toEqual(['c', 's%2B%C3%A9%26%3D%25%2F%7E%3A+x']);
  });
});

function prove({ url }: { url: string }): { headers: Record<string, string> } {
  return { headers: { proof: url } };
}

describe('authenticateClient', () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const confidential = { client_id: 'c', client_secret: 's' };

  it('returns what to add to a request to another endpoint', async () => {
    expect(await authenticateClient(server, { client_id: 'c' })).toEqual({
      headers: {},
      parameters: { client_id: 'c' },
    });
    expect(await authenticateClient(server, confidential)).toEqual({
      headers: { authorization: `Basic ${btoa('c:s')}` },
      parameters: {},
    });
    expect(await authenticateClient(server, confidential, { authentication: 'client_secret_post' })).toEqual({
      headers: {},
      parameters: { client_id: 'c', client_secret: 's' },
    });
  });

  it('calls a function with the address of the endpoint, or of the token endpoint', async () => {
    const url = 'https://as.example/device';
    const client = { client_id: 'c' };
    expect(await authenticateClient(server, client, { authentication: prove, url })).toEqual({
      headers: { proof: url },
      parameters: {},
    });
    expect((await authenticateClient(server, client, { authentication: prove })).headers).toEqual({
      proof: server.token_endpoint,
    });
    const none = { authentication: (): undefined => undefined };
    expect(await authenticateClient(server, client, none)).toEqual({ headers: {}, parameters: {} });
  });

  it('sends what a function adds besides the built-in method', async () => {
    const authentication = (): object => ({ builtIn: true, headers: { dpop: 'proof' }, parameters: { extra: 'x' } });
    expect(await authenticateClient(server, confidential, { authentication })).toEqual({
      headers: { authorization: `Basic ${btoa('c:s')}`, dpop: 'proof' },
      parameters: { extra: 'x' },
    });
    expect(await authenticateClient(server, { client_id: 'c' }, { authentication })).toEqual({
      headers: { dpop: 'proof' },
      parameters: { client_id: 'c', extra: 'x' },
    });
  });

  it('rejects a wrong option', async () => {
    const wrong = { authentication: 'client_secret_jwt' as 'none' };
    await expect(authenticateClient(server, confidential, wrong)).rejects.toBeInstanceOf(TypeError);
  });
});
