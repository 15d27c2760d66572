import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { inDirectories } from './separate.ts';
import { SECRET_MARK, startRealmServer, type RealmCounts } from './realms.ts';
import { createTelling, type Ending } from './stories.ts';

/** What the damage of one file showed. */
export interface DamageReport {
  runs: number;
  /** How many of them refreshed the token all the same. */
  refreshed: number;
  problems: string[];
}

type Damage = (bytes: Buffer, at: number) => Buffer;

const damages: Record<string, Damage> = {
  cut: (bytes, at) => bytes.subarray(0, at),
  flip(bytes, at) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    return flipped;
  },
};

/**
 * Cuts a file at each byte, and flips a bit of each byte, before a refresh that can ask no user. Then the file is restored: the
 * session must be there.
 *
 * @param name the end of the name of the file
 * @param step how many bytes from one damage to the next
 */
export async function damageEachByte(name: 'registered.json' | 'token', step = 1): Promise<DamageReport> {
  await using realms = await startRealmServer();
  const report: DamageReport = { runs: 0, refreshed: 0, problems: [] };
  for (const [kind, damage] of Object.entries(damages)) {
    for (let at = 0, size = 1; at < size; at += step) {
      report.runs += 1;
      const realm = `${name.split('.')[0]}-${kind}-${at}`;
      const root = temporaryDirectory();
      const roots = ['cache', 'config'].map((each) => join(root, each));
      for (const each of roots) mkdirSync(each, { mode: 0o700 });
      const telling = createTelling('refresh', realms.issuerOf(realm), { interaction: 'never' });
      await inDirectories(roots, () => telling.tell('before'));
      const file = join(root, readdirSync(root, { recursive: true, encoding: 'utf8' }).find(matches[name]) ?? '');
      const bytes = readFileSync(file);
      size = bytes.length;
      writeFileSync(file, damage(bytes, at));
      const act = await inDirectories(roots, () => telling.tell('act'));
      const counts = realms.counts(realm);
      if (act.outcome === 'ok') report.refreshed += 1;
      else writeFileSync(file, bytes, { mode: 0o600 });
      const next = await inDirectories(roots, () => telling.tell('next'));
      rmSync(root, { recursive: true });
      const isIssued = act.access_token === undefined || realms.hasIssued(realm, act.access_token);
      for (const problem of judgeDamage(act, next, counts, realms.counts(realm), isIssued))
        report.problems.push(`${name}: ${kind} at byte ${at} of ${size}: ${problem}`);
    }
  }
  return report;
}

const matches = {
  'registered.json': (name: string) => name.endsWith('registered.json'),
  token: (name: string) => /v1\.[\da-f]{64}\.json$/.test(name),
};

function judgeDamage(act: Ending, next: Ending, acted: RealmCounts, counts: RealmCounts, isIssued: boolean): string[] {
  const problems: string[] = [];
  if (act.outcome.startsWith('RAW')) problems.push(`act: ${act.outcome}`);
  if (act.shown.includes(SECRET_MARK)) problems.push('act: a secret is shown');
  if (!isIssued) problems.push('act: an access token that the server did not issue');
  if (acted.foreign > 0) problems.push('act: a refresh token was sent by another client, or altered');
  if (acted.reused > 0) problems.push('act: a refresh token was sent twice');
  if (acted.alive !== 1) problems.push('act: the session has ended at the server');
  if (counts.registrations > 1) problems.push('a client was registered');
  if (next.outcome !== 'ok') problems.push(`next, after ${act.outcome}: ${next.outcome}: ${next.message}`);
  return problems;
}
