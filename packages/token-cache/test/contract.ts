// The contract of shared stores, for files. contract.test.ts runs it with `node --test`.
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '@oa/store-contract';
import { cacheFile, fileTokenCache } from '@oa/token-cache';

// The other processes of the contract use the directory of this one.
const isFirst = process.env['OA_CONTRACT_DIRECTORY'] === undefined;
const directory = (process.env['OA_CONTRACT_DIRECTORY'] ??= mkdtempSync(join(tmpdir(), 'oa-contract-')));
if (isFirst) process.once('exit', () => rmSync(directory, { recursive: true }));

storeContract({
  open: (name) => ({ store: fileTokenCache({ directory: join(directory, name) }) }),
  corrupt: (name, key) => truncateSync(cacheFile(JSON.parse(key), { directory: join(directory, name) }), 20),
});
