import { fileClientStore } from '@oa/client-store';
import { expect, it, vi } from 'vitest';
import { countingRegister, ISSUER, useStore } from '../setup.ts';

/** The error of the next `openSync` of a file named `registered.json`. */
const fault = vi.hoisted(() => {
  const next: { code: string | undefined } = { code: undefined };
  const fs = process.getBuiltinModule('node:fs');
  const { openSync } = fs;
  // Before `@oa/private-file` is loaded, which keeps the functions.
  fs.openSync = (path, ...rest) => {
    const { code } = next;
    if (code === undefined || !String(path).endsWith('registered.json')) return openSync(path, ...rest);
    next.code = undefined;
    throw Object.assign(new Error(`${code}: injected`), { code, errno: -5, syscall: 'open' });
  };
  return next;
});

const fixture = useStore();

it.for(['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ESTALE'])(
  'registers no client and finds no "no client" where an intact file can not be read for a moment (%s)',
  async (code) => {
    const { path, store } = fixture;
    await store.store(ISSUER, { client_id: 'c', client_secret: 's' });
    const { register, count } = countingRegister({ client_id: 'new' });
    const uses = [
      async () => store.find(ISSUER),
      async () => store.getOrRegister(ISSUER, register),
      async () => store.update(ISSUER, 'c', async () => undefined),
      async () => store.doubt(ISSUER, 'c'),
      async () => store.remove(ISSUER),
      async () => store.store('https://other.example', { client_id: 'o' }),
    ];
    for (const use of uses) {
      fault.code = code;
      await expect(use()).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(fault.code).toBeUndefined();
    }
    expect(count()).toBe(0);
    const found = await fileClientStore({ path }).find(ISSUER);
    expect(found).toEqual({ client: { client_id: 'c', client_secret: 's' }, doubtful: false, former: [] });
  },
);
