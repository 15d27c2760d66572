import { DEFAULT_APP } from '@oa/private-file';
import type { KeySource } from '@oa/types';
import { loadOnce } from './module-error.ts';
import type { ManagerOptions } from './options.ts';

const ACCOUNT = 'tokens';

/**
 * The key of the option `storage`. A process that stores and reads nothing does not load `@oa/keychain`.
 *
 * @returns `undefined` where nothing is encrypted
 */
export function findStorageKey({ app = DEFAULT_APP, storage }: ManagerOptions): KeySource | undefined {
  if (storage !== 'keychain') return undefined;
  const load = loadOnce(async () => (await import('@oa/keychain')).keychainKey({ service: app, account: ACCOUNT }));
  return { id: `keychain:${app}/${ACCOUNT}`, key: async (signal) => (await load()).key(signal) };
}
