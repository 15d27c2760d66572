// The same program for a machine without a browser: the agent of the embedded server fills in the forms.
import { askAgent } from '@oa-internal/authorization-server/agent';
import { whoami } from './whoami.ts';

await whoami({ openBrowser: askAgent });
