// Two stores in one file. two-stores.test.ts runs it with `node --test`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '@oa/store-contract';
import { openEngine } from './broken-stores/engine.ts';
import { createStore } from './broken-stores/store.ts';

const isFirst = process.env['OA_CONTRACT_DIRECTORY'] === undefined;
const directory = (process.env['OA_CONTRACT_DIRECTORY'] ??= mkdtempSync(join(tmpdir(), 'oa-contract-')));
if (isFirst) process.once('exit', () => rmSync(directory, { recursive: true }));

for (const kind of ['a', 'b'])
  storeContract({
    open: (name) => {
      if (process.env['OA_UNREACHABLE'] !== undefined && !isFirst)
        throw new Error('The address of the engine is wrong.');
      const engine = openEngine(join(directory, `${kind}-${name}`));
      return { store: createStore(engine, ''), close: engine.close };
    },
  });
