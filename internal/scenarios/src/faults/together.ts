import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { listFiles } from './judge.ts';
import { SECRET_MARK, startRealmServer } from './realms.ts';
import { inDirectories, tellInProcess, withDescriptors } from './separate.ts';
import { createTelling } from './stories.ts';

/** Too few for Node.js to start. With fewer than this it prints warnings of its own. */
export const MIN_DESCRIPTORS = 20;
/** Enough for every story. */
export const MAX_DESCRIPTORS = 48;

/** What starved processes that share one session did to it. */
export interface SharedStarvation {
  /** How many processes came so far that they used their manager. */
  began: number;
  /** How many of them got a token. */
  succeeded: number;
  refreshes: number;
  problems: string[];
}

/** Starts processes that may open few files, each another number, and that all refresh the same token at the same moment. */
export async function starveTogether(processes: number): Promise<SharedStarvation> {
  await using realms = await startRealmServer();
  const root = temporaryDirectory();
  const roots = ['cache', 'config'].map((each) => join(root, each));
  for (const each of roots) mkdirSync(each, { mode: 0o700 });
  const issuer = realms.issuerOf('shared');
  const telling = createTelling('refresh', issuer);
  const ready = await inDirectories(roots, () => telling.tell('before'));
  if (ready.outcome !== 'ok') throw new Error(`The story can't begin: ${ready.message}`);
  const plan = { at: 0, fault: 'EMFILE', roots } as const;
  const limits = Array.from(
    { length: processes },
    (_, index) => MIN_DESCRIPTORS + (index % (MAX_DESCRIPTORS - MIN_DESCRIPTORS)),
  );
  const ends = await Promise.all(
    limits.map((limit) => tellInProcess({ story: 'refresh', issuer, plan }, withDescriptors(limit))),
  );
  const next = await inDirectories(roots, () => telling.tell('next'));
  const { refreshes, reused, logins, registrations, alive } = realms.counts('shared');
  const began = ends.filter((each) => each.began);
  const problems = listFiles(root).wrong;
  for (const [index, { told, end }] of began.entries()) {
    if (told?.act.outcome.startsWith('RAW') !== false) problems.push(`${index}: ${told?.act.outcome ?? end.stderr}`);
    if (`${told?.act.shown}${end.stderr}`.includes(SECRET_MARK)) problems.push(`${index}: a secret is shown`);
  }
  if (reused > 0) problems.push('a refresh token was sent twice');
  if (logins > 1) problems.push('a browser was opened');
  if (registrations > 1) problems.push('a client was registered');
  if (alive !== 1) problems.push('the session has ended at the server');
  if (next.outcome !== 'ok') problems.push(`next: ${next.outcome}: ${next.message}`);
  rmSync(root, { recursive: true });
  const succeeded = began.filter(({ told }) => told?.act.outcome === 'ok').length;
  return { began: began.length, succeeded, refreshes, problems };
}
