import type { ClientAuthentication } from '@oa/client-authentication';
import type { Credentials, GrantType, ManagerOptions } from '@oa/manager';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import type { RecordedRequest } from '@oa-internal/scripted-server';
import { describe, expect, it } from 'vitest';
import { aged, agreeingBrowser, bearer, changeStored, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

/** How a request authenticated its client. */
interface Seen {
  authorization: string | undefined;
  client_id: string | null;
  client_secret: string | null;
  client_assertion: string | null;
  dpop: string | undefined;
}

const ABSENT: Seen = {
  authorization: undefined,
  client_id: null,
  client_secret: null,
  client_assertion: null,
  dpop: undefined,
};
const BASIC = `Basic ${Buffer.from('c:s').toString('base64')}`;

const replace: ClientAuthentication = ({ client, url }) => ({
  parameters: {
    client_id: client.client_id,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `assertion for ${new URL(url).pathname}`,
  },
});
const add: ClientAuthentication = ({ url }) => ({
  headers: { dpop: `proof for ${new URL(url).pathname}` },
  builtIn: true,
});

interface Method {
  name: string;
  client_secret?: string;
  authentication?: Credentials['authentication'];
  seen: (path: string) => Seen;
}

const methods: Method[] = [
  { name: 'none', seen: () => ({ ...ABSENT, client_id: 'c' }) },
  { name: 'client_secret_basic', client_secret: 's', seen: () => ({ ...ABSENT, authorization: BASIC }) },
  {
    name: 'client_secret_post',
    client_secret: 's',
    authentication: 'client_secret_post',
    seen: () => ({ ...ABSENT, client_id: 'c', client_secret: 's' }),
  },
  {
    name: 'a function that replaces the built-in methods',
    authentication: replace,
    seen: (path) => ({ ...ABSENT, client_id: 'c', client_assertion: `assertion for ${path}` }),
  },
  {
    name: 'a function that adds to the built-in method',
    client_secret: 's',
    authentication: add,
    seen: (path) => ({ ...ABSENT, authorization: BASIC, dpop: `proof for ${path}` }),
  },
];
const grants: GrantType[] = ['client_credentials', 'authorization_code', DEVICE_CODE_GRANT_TYPE];
const places = ['createManager', 'Credentials'] as const;
const rows = grants.flatMap((grant_type) =>
  methods
    // RFC 6749 section 4.4: the client credentials grant is for clients that authenticate.
    .filter(({ name }) => name !== 'none' || grant_type !== 'client_credentials')
    .flatMap((method) => places.map((place) => ({ grant_type, method, place, name: method.name }))),
);

function seenBy({ headers, form }: RecordedRequest): Seen {
  const dpop = headers['dpop'];
  return {
    authorization: headers.authorization,
    client_id: form.get('client_id'),
    client_secret: form.get('client_secret'),
    client_assertion: form.get('client_assertion'),
    dpop: typeof dpop === 'string' ? dpop : undefined,
  };
}

describe('the option authentication reaches every request of every grant', () => {
  it.each(rows)('$grant_type with $name, passed to $place', async ({ grant_type, method, place }) => {
    const { server, metadata } = await startScripted({
      '/device': {
        json: {
          device_code: 'd',
          user_code: 'U',
          verification_uri: 'https://as.example/d',
          expires_in: 60,
          interval: 1,
        },
      },
      '/token': bearer('a', { refresh_token: 'r' }),
      '/revoke': {},
    });
    const { authentication, client_secret } = method;
    const target = {
      ...metadata,
      device_authorization_endpoint: `${server.origin}/device`,
      revocation_endpoint: `${server.origin}/revoke`,
      revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    };
    const credentials: Credentials = {
      grant_type,
      client_id: 'c',
      client_secret,
      authentication: place === 'Credentials' ? authentication : undefined,
    };
    const options: ManagerOptions = {
      interaction: 'always',
      login: { openBrowser: agreeingBrowser().openBrowser, print: () => undefined },
      authentication: place === 'createManager' ? authentication : undefined,
    };
    const directory = temporaryDirectory();
    await managerAt(directory, options).manager.getToken(target, credentials);
    await changeStored(directory, (token) => aged(token, -1));
    // As a second process: nothing is remembered but what is on disk.
    const { manager } = managerAt(directory, { ...options, interaction: 'never' });
    await manager.getToken(target, credentials);
    expect(await manager.logout(target, credentials)).toEqual({ ok: true, value: true });

    const paths = server.requests.map(({ path, form }) => `${path} ${form.get('grant_type') ?? ''}`.trim());
    const second = grant_type === 'client_credentials' ? grant_type : 'refresh_token';
    const device = grant_type === DEVICE_CODE_GRANT_TYPE ? ['/device'] : [];
    expect(paths).toEqual([...device, `/token ${grant_type}`, `/token ${second}`, '/revoke', '/revoke']);
    expect(server.requests.map(seenBy)).toEqual(server.requests.map(({ path }) => method.seen(path)));
  });
});
