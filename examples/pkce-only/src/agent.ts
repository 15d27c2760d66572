// The same program for a machine without a browser: the agent of the embedded server fills in the forms.
import { askAgent } from '@oa-internal/authorization-server/agent';
import { run } from './run.ts';

await run({ openBrowser: askAgent });
