import type { RequestOptions } from '@oa/types';

/** The options of a source that asks the platform over the network. The `signal` comes with each request for an assertion. */
export type PlatformOptions = Omit<RequestOptions, 'signal'>;
