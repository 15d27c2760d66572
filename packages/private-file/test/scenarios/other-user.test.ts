import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, reservePrivate, withLock, writePrivate } from '@oa/private-file';
import { expect, it } from 'vitest';
import { noOtherUser, otherUser, otherUserName } from '../other-user.ts';

it('a user who is not root gets an error with the remedy for a file or directory without permission', async ({
  skip,
}) => {
  skip(noOtherUser !== undefined, noOtherUser);
  const directory = temporaryDirectory();
  // Loads what writes and locks, which may be where the other user can't reach it.
  await withLock(join(directory, 'a'), async () => (await reservePrivate(join(directory, 'a'))).release());
  await writePrivate(join(directory, 'a'), 'x');

  chmodSync(directory, 0o755);
  const mine = join(directory, 'mine');
  mkdirSync(mine, { mode: 0o700 });
  const unreadable = join(mine, 'a.json');
  writeFileSync(unreadable, 'x', { mode: 0o000 });
  chownSync(unreadable, otherUser, otherUser);
  chownSync(mine, otherUser, otherUser);
  for (const name of ['foreign', 'left-foreign.pending']) writeFileSync(join(mine, name), 'x', { mode: 0o600 });
  const root = process.geteuid?.() ?? 0;
  process.seteuid?.(otherUser);
  try {
    await expect(readPrivate(unreadable)).rejects.toMatchObject({
      code: 'insecure_file_permissions',
      message: expect.stringContaining('chmod 600') as string,
    });
    const foreign = {
      code: 'insecure_file_permissions',
      message: expect.stringMatching(
        new RegExp(String.raw`\(root, uid 0\), .* Run: sudo chown ${otherUserName} \S+foreign(\.pending)? \(an`),
      ) as string,
    };
    await expect(readPrivate(join(mine, 'foreign'))).rejects.toMatchObject(foreign);
    await expect(reservePrivate(join(mine, 'left-foreign'))).rejects.toMatchObject(foreign);
    chmodSync(mine, 0o500);
    const refused = { code: 'storage_unavailable', message: expect.stringContaining('may not use it') as string };
    await expect(writePrivate(join(mine, 'b'), 'x')).rejects.toMatchObject(refused);
    await expect(reservePrivate(join(mine, 'b'))).rejects.toMatchObject(refused);
    await expect(withLock(join(mine, 'b'), async () => 1)).rejects.toMatchObject(refused);
    await expect(writePrivate(join(directory, 'new', 'b'), 'x')).rejects.toMatchObject(refused);
    chmodSync(mine, 0o700);
    writeFileSync(join(mine, 'b.pending'), '', { mode: 0o000 });
    await expect(reservePrivate(join(mine, 'b'))).rejects.toMatchObject(refused);
    writeFileSync(join(mine, 'c.lock'), '', { mode: 0o000 });
    await expect(withLock(join(mine, 'c'), async () => 1)).rejects.toMatchObject({ code: 'storage_unavailable' });
    chmodSync(mine, 0o000);
    await expect(readPrivate(join(mine, 'deep', 'b'))).rejects.toMatchObject(refused);
  } finally {
    process.seteuid?.(root);
    rmSync(directory, { recursive: true });
  }
});
