import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { program } from '../programs.ts';

it('content is on the disk before its name; a name and a removal are on the disk before the caller continues', async () => {
  const directory = temporaryDirectory();
  const { stdout } = await startProcess(program('order'), { task: { path: join(directory, 'made', 'a.json') } }).ended;
  rmSync(directory, { recursive: true });
  const durable = 'sync file, rename, sync directory';
  expect(stdout).toBe(
    `${durable}, reserve, sync file, sync directory, write, ${durable}, remove, unlink, sync directory`,
  );
});
