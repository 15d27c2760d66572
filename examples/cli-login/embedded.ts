import { runExample } from '@oa-internal/authorization-server/example';

const commands = 'login ada, whoami, login grace, whoami, status, switch ada, whoami, logout, logout-all, status';
await runExample({
  program: `${import.meta.dirname}/main.ts`,
  client: 'public',
  runs: commands.split(', ').map((command) => command.split(' ')),
});
