import { fileClientStore } from '@oa/client-store';
import { discover } from '@oa/discovery';
import { registerClient } from '@oa/registration';
import { isOAuthError, type Client } from '@oa/types';

/** Returns the client that all programs of this `app` share. The first process registers it, and the others find it. */
function getSharedClient(issuer: string): Promise<Client> {
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

// What follows reads the environment, and prints what happened.

const issuer = process.env.OA_ISSUER ?? '';
if (!/^https?:\/\/./.test(issuer)) {
  console.error(
    `OA_ISSUER ${issuer === '' ? 'is not set' : 'must be an http or https URL'}. README.md has an example.`,
  );
  process.exit(2);
}

try {
  const { client_id } = await getSharedClient(issuer);
  console.log(`This program is client ${client_id}.`);
} catch (error) {
  if (!isOAuthError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
