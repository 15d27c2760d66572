import { runExample } from '@oa-internal/authorization-server/example';

await runExample({ programs: [`${import.meta.dirname}/src/first.ts`, `${import.meta.dirname}/src/second.ts`] });
