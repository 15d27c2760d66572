import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';

const REGISTER = new URL('programs/register.ts', import.meta.url);

/** Starts processes that need a client of the same issuer at the same moment. `answers` holds what each process printed. */
export async function registerTogether(count: number): Promise<{ answers: string[]; registrations: number }> {
  const root = temporaryDirectory();
  let issued = 0;
  await using server = await startScriptedServer(() => {
    issued += 1;
    return { status: 201, json: { client_id: `c${issued}` }, delay: 200 };
  });
  const go = join(root, 'go');
  const task = { path: join(root, 'config', 'registered.json'), go, endpoint: `${server.origin}/register` };
  const programs = Array.from({ length: count }, () => startProcess(REGISTER, { task }));
  await Promise.all(programs.map((program) => program.printed('ready')));
  writeFileSync(go, '');
  const ends = await Promise.all(programs.map((program) => program.ended));
  rmSync(root, { recursive: true });
  return {
    answers: ends.map(({ stdout, stderr }) => stdout.replace('ready\n', '').trim() + stderr),
    registrations: server.requests.length,
  };
}
