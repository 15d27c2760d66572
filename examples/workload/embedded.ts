import { startProtectedApi } from '@oa-internal/authorization-server';
import { runExample } from '@oa-internal/authorization-server/example';

await runExample({
  program: `${import.meta.dirname}/main.ts`,
  client: 'public',
  hasLogin: false,
  hasPlatform: true,
  startApi: (server, platform) =>
    startProtectedApi(server, {
      beforeAnswer: async (requests) => {
        if (requests !== 3) return;
        await platform?.renew(server.issuer);
        server.dropAccessTokens();
        console.log('(The platform puts a new token into the file. The server revokes the access token.)');
      },
    }),
  runs: [['orders', 'customers', 'invoices']],
});
