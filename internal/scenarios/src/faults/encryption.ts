import { fileClientStore } from '@oa/client-store';
import type { ManagerOptions } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import type { KeySource } from '@oa/types';

/** With this variable the stories run with encrypted stores, here and in their processes. */
export const ENCRYPTION_VARIABLE = 'OA_TEST_ENCRYPTION';

const KEY_BYTES = 32;

/** Whether the stories run with encrypted stores. */
export function isEncrypted(): boolean {
  return process.env[ENCRYPTION_VARIABLE] !== undefined;
}

/** The stores of a manager of `app`, where they are encrypted. A manager has a key source of its own, as a process does. */
export function encryptedStores(app: string): Pick<ManagerOptions, 'cache' | 'clients'> {
  if (!isEncrypted()) return {};
  const encryption: KeySource = { id: 'test', key: async () => new Uint8Array(KEY_BYTES).fill(7) };
  return { cache: fileTokenCache({ app, encryption }), clients: fileClientStore({ app, encryption }) };
}
