import { runExample } from '@oa-internal/authorization-server/example';

const program = `${import.meta.dirname}/src/main.ts`;
const withAgent = `${import.meta.dirname}/src/agent.ts`;
await runExample({ client: 'public', programs: [program], agentPrograms: [withAgent] });
