/** A program that stands in for the browser: the agent logs in at the URL that it is started with. */
import { ISSUER_VARIABLE } from './agent-environment.ts';
import { runAgent } from './agent.ts';

const issuer = process.env[ISSUER_VARIABLE];
const url = process.argv[2];
if (issuer === undefined || url === undefined) throw new TypeError(`${ISSUER_VARIABLE} or the URL is missing.`);
await runAgent(issuer, url);
