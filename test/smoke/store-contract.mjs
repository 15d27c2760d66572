// Runs the contract for the file store with `node --test`. The processes of the contract start this file again, too.
import { storeContract } from '@oa/store-contract';
import { cacheDirectory, fileTokenCache } from '@oa/token-cache';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

if (process.env.OA_SMOKE_CONTRACT === undefined) {
  const env = { ...process.env, OA_SMOKE_CONTRACT: 'inner' };
  const file = fileURLToPath(import.meta.url);
  const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^# pass 5\d$/m);
} else {
  storeContract({ open: (name) => ({ store: fileTokenCache({ directory: join(cacheDirectory('contract'), name) }) }) });
}
