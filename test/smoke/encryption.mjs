import { decryptText, encryptText, rotate } from '@oa/encryption';
import assert from 'node:assert/strict';

const keyOf = (id, value) => ({ id, key: async () => new Uint8Array(32).fill(value) });
const encrypted = await encryptText('the secret', 'x', keyOf('former', 1));
assert.equal(await decryptText(encrypted, 'x', rotate(keyOf('former', 1), keyOf('new', 2))), 'the secret');
await assert.rejects(decryptText(encrypted, 'y', keyOf('former', 1)), { code: 'decryption_failed' });
