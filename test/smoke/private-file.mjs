import { readPrivate, userDirectory, withLock, writePrivate } from '@oa/private-file';
import assert from 'node:assert/strict';
import { join } from 'node:path';

const path = join(userDirectory('config', 'smoke'), 'state.json');
await withLock(path, async () => writePrivate(path, 'kept'));
assert.equal(await readPrivate(path), 'kept');
