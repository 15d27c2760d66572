import { runExample } from '@oa-internal/authorization-server/example';

await runExample({ program: `${import.meta.dirname}/main.ts`, runs: [[], []] });
