// The same program where nobody has a browser: the embedded server's agent fills in the forms.
import { askAgent } from '@oa-internal/authorization-server/program';
import { whoami } from './whoami.ts';

await whoami({ openBrowser: askAgent });
