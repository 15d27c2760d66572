/** Starts the server and a protected API, prints how to try them, and runs until it is stopped. */
import { startProtectedApi } from './protected-api.ts';
import { startAuthorizationServer } from './server.ts';

const server = await startAuthorizationServer();
const api = await startProtectedApi(server);
const { confidential, user } = server;

process.stdout.write(`Authorization server (in memory, loopback only)
  issuer        ${server.issuer}
  metadata      ${server.issuer}/.well-known/oauth-authorization-server
  account       ${user.login} / ${user.password} (the login page fills it in)
  confidential  client_id ${confidential.client_id}, client_secret ${confidential.client_secret}
  native        client_id ${server.public.client_id}, redirect to http://127.0.0.1:<any port>/callback
  register      POST ${server.issuer}/register
  scopes        openid offline_access read write
Protected API
  url           ${api.url}

Try it:
  curl -s ${server.issuer}/token -d grant_type=client_credentials -d scope=read \\
    -d client_id=${confidential.client_id} --data-urlencode 'client_secret=${confidential.client_secret}'
  curl -s ${api.url} -H 'Authorization: Bearer <access_token>'

  export OA_ISSUER=${server.issuer} OA_API=${api.url}
  OA_CLIENT_ID=${confidential.client_id} OA_CLIENT_SECRET='${confidential.client_secret}' \\
    npx -y pnpm@12 -C examples/headless start
  OA_CLIENT_ID=${server.public.client_id} npx -y pnpm@12 -C examples/cli-login start login
  OA_CLIENT_ID=${server.public.client_id} npx -y pnpm@12 -C examples/cli-login start whoami

Stop it with Ctrl+C.
`);
