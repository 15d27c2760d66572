// Runs the whole contract for the file store, from this file: its processes start it again.
import { storeContract } from '@oa/store-contract';
import { cacheDirectory, fileTokenCache } from '@oa/token-cache';
import { join } from 'node:path';

storeContract({ open: (name) => ({ store: fileTokenCache({ directory: join(cacheDirectory('contract'), name) }) }) });
