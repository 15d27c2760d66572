/** A login whose callback arrives as soon as it waits. Prints the redirect URI. */
import { login } from '@oa/loopback';
import { callbackUrl, followCallback } from '../help.ts';

const server = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/a',
  token_endpoint: 'https://as.example/t',
};
await login(
  server,
  { client_id: 'x' },
  {},
  {
    openBrowser: () => undefined,
    print: () => undefined,
    fetch: async () => Response.json({ access_token: 'secret', token_type: 'Bearer' }),
    onEvent: (event) => {
      if (event.type !== 'login_waiting') return;
      process.stdout.write(`${event.redirect_uri}\n`);
      followCallback(callbackUrl(event, { code: 'c' })).catch((error: unknown) => process.stderr.write(String(error)));
    },
  },
);
