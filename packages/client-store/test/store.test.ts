import { chmodSync, existsSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { countingRegister, ISSUER, useStore, writeContent } from './setup.ts';

const fixture = useStore();

it.for<[string, (path: string) => unknown]>([
  ['a file of mode 0640', (path) => chmodSync(path, 0o640)],
  ['a directory of mode 0777', (path) => chmodSync(dirname(path), 0o777)],
  ['a symbolic link', (path) => (rmSync(path), symlinkSync('/etc/hostname', path))],
])(
  'with %s lookup finds nothing and an event says why; the other methods reject; nothing is changed',
  async ([, plant]) => {
    const { path, store, events } = fixture;
    writeContent(fixture, { [ISSUER]: { client_id: 'planted', client_secret: 's3cret' } });
    plant(path);
    expect(await store.lookup(ISSUER)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'store_unavailable', code: 'insecure_file_permissions' }]);
    const { register, count } = countingRegister({ client_id: 'new' });
    for (const use of [
      async () => store.getOrRegister(ISSUER, register),
      async () => store.store(ISSUER, { client_id: 'x' }),
      async () => store.remove(ISSUER),
      async () => store.list(),
    ])
      await expect(use()).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    expect(count()).toBe(0);
    expect(inspect(events)).not.toContain('s3cret');
  },
);

it('a wrong argument is a TypeError, and nothing is written', async () => {
  const { path, store } = fixture;
  await expect(store.store('', { client_id: 'i' })).rejects.toThrow(TypeError);
  await expect(store.store(ISSUER, {} as never)).rejects.toThrow(TypeError);
  await expect(store.getOrRegister(5 as never, async () => ({ client_id: 'i' }))).rejects.toThrow(TypeError);
  expect(existsSync(path)).toBe(false);
});
