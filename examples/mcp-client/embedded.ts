import { runExample } from '@oa-internal/authorization-server/example';
import { startMcpServer } from '@oa-internal/other-servers';

await runExample({
  program: `${import.meta.dirname}/main.ts`,
  hasLogin: true,
  startApi: startMcpServer,
  runs: [['whoami'], ['whoami']],
});
