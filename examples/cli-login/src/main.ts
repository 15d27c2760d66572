import { whoami } from './whoami.ts';

await whoami();
