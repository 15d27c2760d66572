// The contract, for the store of these tests, with the fault that OA_FAULT names. contract.test.ts runs it with `node --test`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '@oa/store-contract';
import { killEngine, openEngine } from './engine.ts';
import { createStore } from './store.ts';

const isFirst = process.env['OA_CONTRACT_DIRECTORY'] === undefined;
const directory = (process.env['OA_CONTRACT_DIRECTORY'] ??= mkdtempSync(join(tmpdir(), 'oa-contract-')));
if (isFirst) process.once('exit', () => rmSync(directory, { recursive: true }));

const fault = process.env['OA_FAULT'] ?? '';
const fileOf = (name: string): string => join(directory, fault === 'one name for all' ? 'store' : name);

storeContract({
  open: (name) => {
    const engine = openEngine(fileOf(name));
    return { store: createStore(engine, fault), close: engine.close };
  },
  kill: async (name) => killEngine(fileOf(name)),
  corrupt: (name, key) => {
    const engine = openEngine(fileOf(name));
    engine.run("UPDATE tokens SET token = x'00' WHERE key = ?", key);
    engine.close();
  },
});
