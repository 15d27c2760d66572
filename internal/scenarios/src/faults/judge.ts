import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEncrypted } from './encryption.ts';
import { SECRET_MARK, type RealmCounts } from './realms.ts';
import type { Ending, StoryName } from './stories.ts';

/** What one story with one fault showed. */
export interface Observed {
  story: StoryName;
  /** Such as `17 rename cache/faults/tokens/*.json`. */
  call: string;
  fault: string;
  /** How many calls the act made. */
  calls: number;
  act: Ending | undefined;
  /** The same manager once more, without a fault. Absent if that was not tried. */
  again?: Ending | undefined;
  /** Another process, without a fault. */
  next: Ending;
  counts: Record<'before' | 'act' | 'next', RealmCounts>;
  /** The files after `act`, and at the end. */
  files: Record<'act' | 'next', Listing>;
  /** What no promise carried: unhandled rejections, and text on stdout or stderr. */
  stray: string[];
}

/** The files below the directories, and what is wrong with them. */
export interface Listing {
  names: string[];
  wrong: string[];
}

/** Lists the files below `root`. A token file, a registration and metadata must be whole, and only for this user. With encryption no file has a secret. */
export function listFiles(root: string): Listing {
  const names: string[] = [];
  const wrong: string[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = lstatSync(path).mode & 0o777;
    const inside = path.slice(root.length + 1).replaceAll(/[\da-f]{64}/g, '*');
    if (process.platform !== 'win32' && mode !== (entry.isDirectory() ? 0o700 : 0o600))
      wrong.push(`${inside} has mode ${mode.toString(8)}`);
    if (entry.isDirectory()) continue;
    names.push(inside);
    if (isEncrypted() && readFileSync(path, 'latin1').includes(SECRET_MARK)) wrong.push(`${inside} has a secret in it`);
    if (inside.endsWith('.json') && !isJson(readFileSync(path, 'utf8'))) wrong.push(`${inside} is torn`);
    if (inside.includes('.corrupt-')) wrong.push(`${inside}: a whole file was moved aside`);
  }
  return { names, wrong };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const STORAGE_CODES = new Set(['storage_unavailable', 'insecure_token_cache_permissions', 'insecure_file_permissions']);
const isStorageCode = ({ outcome }: Ending): boolean => STORAGE_CODES.has(outcome);
/** A process without descriptors has no connections either. */
const isExpected = (act: Ending, fault: string): boolean =>
  act.outcome === 'ok' || isStorageCode(act) || (fault === 'starved' && act.outcome === 'network_error');

function actProblems({ act, fault }: Observed): string[] {
  if (act === undefined || act.outcome.startsWith('RAW') || isExpected(act, fault)) return [];
  return [`act: ${act.outcome}: ${act.message}`];
}

const hasToken = ({ names }: Listing): boolean => names.some((name) => name.endsWith('tokens/v1.*.json'));

/** Where the loss of a refresh token is possible and explained: its successor is not yet whole and on the disk. */
const WINDOW_CALL = /handle\.(write|truncate|stat|sync) .*\.pending$/;
/** A token file that can't be read for its permissions, or those of its directories, is not used. A login replaces it. */
const REFUSED_CALL = /Sync cache(\/faults(\/tokens(\/v1\.\*\.json)?)?)?$/;

/** What is wrong with a run. `window` is not wrong: the successor of the refresh token was lost where that is explained. */
export function judge(observed: Observed): { problems: string[]; window: boolean } {
  const { act, again, next, files, stray } = observed;
  const problems = [...stray, ...files.act.wrong, ...files.next.wrong];
  for (const [part, ending] of Object.entries({ act, again, next })) {
    if (ending === undefined) continue;
    if (ending.outcome.startsWith('RAW')) problems.push(`${part}: ${ending.outcome}`);
    if (ending.shown.includes(SECRET_MARK)) problems.push(`${part}: a secret is shown`);
  }
  if (files.next.names.some((name) => /tokens.*\.pending$/.test(name)) && next.outcome === 'ok')
    problems.push('next: a reservation is left');
  const window = observed.story === 'refresh' && isExplainedLoss(observed);
  if (!window) problems.push(...judges[observed.story](observed));
  return { problems, window };
}

function isExplainedLoss({ call, fault, act, again, next, counts }: Observed): boolean {
  const told = fault === 'kill' || act?.events.includes('persist_failed') === true;
  const lasting = fault === 'starved' || fault.endsWith('from then on');
  return (
    again === undefined &&
    (lasting || WINDOW_CALL.test(call)) &&
    counts.act.refreshes === 1 &&
    told &&
    next.outcome === 'refresh_interrupted'
  );
}

const judges: Record<StoryName, (observed: Observed) => string[]> = {
  refresh(observed) {
    const { call, act, again, next, counts, fault } = observed;
    const problems = actProblems(observed);
    const { before } = counts;
    if (fault === 'EACCES' && REFUSED_CALL.test(call) && counts.next.logins === 2 && next.outcome === 'ok') return [];
    if (counts.next.logins > before.logins) problems.push('a browser was opened');
    if (counts.next.registrations > before.registrations) problems.push('a client was registered');
    if (counts.next.reused > 0) problems.push('a refresh token was sent twice');
    if (counts.next.refreshes !== 1) problems.push(`${counts.next.refreshes} refreshes`);
    if (act !== undefined && act.outcome !== 'ok' && counts.act.refreshes > 0)
      problems.push('act: the new token does not reach the caller');
    if (again !== undefined && again.outcome !== 'ok') problems.push(`again: ${again.outcome}`);
    if (next.outcome !== 'ok') problems.push(`next: ${next.outcome}: ${next.message}`);
    return problems;
  },

  'first store'(observed) {
    const { act, next, counts } = observed;
    const problems = actProblems(observed);
    if (next.outcome !== 'ok') problems.push(`next: ${next.outcome}: ${next.message}`);
    if (counts.act.grants > 1) problems.push(`act: ${counts.act.grants} grants`);
    if (counts.next.grants > 1 && act?.outcome === 'ok' && !isTold(act)) problems.push('act: a lost token is not told');
    return problems;
  },

  registration(observed) {
    const { act, next, counts } = observed;
    const problems = actProblems(observed);
    if (act !== undefined && act.outcome !== 'ok' && counts.act.logins > 0)
      problems.push(`act: ${act.outcome} after the user has logged in`);
    if (counts.act.registrations > 1) problems.push(`act: ${counts.act.registrations} registrations`);
    if (next.outcome !== 'ok') problems.push(`next: ${next.outcome}: ${next.message}`);
    const repeated = counts.next.logins > 1 || counts.next.registrations > 1;
    if (repeated && act?.outcome === 'ok' && !isTold(act)) problems.push('act: what was lost is not told');
    return problems;
  },

  logout(observed) {
    const { act, next, counts, files } = observed;
    const problems = actProblems(observed);
    if (act?.outcome === 'ok' && hasToken(files.act)) problems.push('act: ok, and the token is still there');
    if (act?.outcome === 'ok' && counts.act.alive > 0) problems.push('act: ok, and the session is alive');
    if (next.outcome !== 'ok') problems.push(`next: ${next.outcome}: ${next.message}`);
    if (hasToken(files.next)) problems.push('next: the token is still there');
    if (counts.next.logins > 1) problems.push('a browser was opened');
    return problems;
  },
};

function isTold({ events }: Ending): boolean {
  return events.includes('persist_failed') || events.includes('store_unavailable');
}
