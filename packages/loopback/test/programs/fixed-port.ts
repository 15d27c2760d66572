/** A login with the port or the redirect URIs of its task. Prints the type of each event, then the error, or `token` and stays. */
import { attempt } from '@oa/types';
import { readTask } from '@oa-internal/testing/child';
import { login } from '@oa/loopback';

const server = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/a',
  token_endpoint: 'https://as.example/t',
};
const { port, redirect_uris } = readTask() as { port?: number; redirect_uris?: string[] };
const client = redirect_uris === undefined ? { client_id: 'x' } : { client_id: 'x', redirect_uris };
const ended = await attempt(
  login(
    server,
    client,
    {},
    {
      port,
      interaction: 'always',
      openBrowser: () => undefined,
      print: () => undefined,
      fetch: async () => Response.json({ access_token: 'secret', token_type: 'Bearer' }),
      onEvent: (event) => process.stdout.write(`${event.type} ${event.type === 'login_waiting' ? event.url : ''}\n`),
    },
  ),
);
process.stdout.write(ended.ok ? 'token\n' : `${ended.error.code} ${ended.error.message}\n`);
if (ended.ok) setInterval(() => undefined, 60_000);
