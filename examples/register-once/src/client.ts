import { fileClientStore } from '@oa/client-store';
import { discover } from '@oa/discovery';
import { registerClient } from '@oa/registration';
import type { Client } from '@oa/types';

/** Returns the client that all programs of this `app` share. The first program registers it. */
export function getSharedClient(issuer: string): Promise<Client> {
  return fileClientStore({ app: 'example-register-once' }).getOrRegister(issuer, async () =>
    registerClient(await discover(issuer), {
      client_name: 'Example',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  );
}
