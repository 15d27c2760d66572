import { runExample } from '@oa-internal/authorization-server/example';

const program = `${import.meta.dirname}/src/main.ts`;
await runExample({ client: 'confidential', programs: [program, program] });
