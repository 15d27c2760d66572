import type { ClientStore } from '@oa/client-store';
import type { LoginOptions } from '@oa/loopback';
import type { Client, RequestOptions, Store, Token } from '@oa/types';

/** How a manager behaves. Everything has a default that suits a command-line tool. */
export interface ManagerOptions extends Omit<RequestOptions, 'signal'> {
  /** The name of the program: its folder below `$XDG_CACHE_HOME` and `$XDG_CONFIG_HOME`. `oa` unless said otherwise. */
  app?: string | undefined;
  /** Where tokens are kept. Private files unless said otherwise; `new Map()` keeps them in memory. */
  cache?: Store<Token> | undefined;
  /** Where registered clients are kept. */
  clients?: ClientStore | undefined;
  /** Whether a person may be asked to log in. `auto`: where there is a terminal and no `CI` variable. */
  interaction?: 'auto' | 'always' | 'never' | undefined;
  /** Milliseconds before its expiry from which a token is renewed: 60,000, and at most half of its lifetime. */
  leeway?: number | undefined;
  /** How a browser login is done. */
  login?: Omit<LoginOptions, 'fetch' | 'signal' | 'now' | 'onEvent' | 'interaction'> | undefined;
  /** What a new registration says about the program (RFC 7591 section 2): `client_name`, `client_uri`, ... */
  registration?: Partial<Client> | undefined;
  /** The URL of the program's client metadata document, used as `client_id` with servers that support it. */
  clientMetadataUrl?: string | undefined;
}

const NAMES =
  'app cache clients interaction leeway login registration clientMetadataUrl fetch timeout now onEvent'.split(' ');

/** @throws TypeError that names the option */
export function checkOptions(options: ManagerOptions): void {
  const { leeway = 0, timeout = 0, interaction = 'auto' } = options;
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`unknown option of createManager: ${unknown}; expected one of ${NAMES.join(', ')}`);
  if (!(leeway >= 0)) throw new TypeError('options.leeway must be a number of milliseconds');
  if (!(timeout >= 0)) throw new TypeError('options.timeout must be a number of milliseconds');
  if (!['auto', 'always', 'never'].includes(interaction))
    throw new TypeError('options.interaction must be auto, always or never');
}
