import { OAuthError } from '@oa/types';

const CONNECTION_ADVICE = 'Check that it runs, and the address and the options of the client.';

/** What helps against the error codes that Redis answers with. */
const REDIS_ADVICE: ReadonlyMap<string, string> = new Map([
  ['NOAUTH', 'Pass the user name and the password to the client.'],
  ['WRONGPASS', 'Check the user name and the password of the client.'],
  ['NOPERM', 'Allow the user of the client the commands and the keys that the README of @oa/store-redis lists.'],
  ['READONLY', 'The client is connected to a replica. Connect it to the primary.'],
  ['OOM', 'Its memory is full: raise maxmemory.'],
  ['MISCONF', 'It can not write to its disk: its log says why.'],
  ['LOADING', 'It reads its data after a start, and will answer soon.'],
  ['MASTERDOWN', 'The replica has lost its primary. Connect the client to the primary.'],
  ['NOREPLICAS', 'It has fewer replicas than min-replicas-to-write wants.'],
  ['CLUSTERDOWN', 'The cluster does not serve all slots.'],
  ['MOVED', 'It is a cluster: pass a cluster client.'],
  ['ASK', 'It is a cluster: pass a cluster client.'],
  ['TRYAGAIN', 'The cluster moves the slot of the token.'],
  ['BUSY', 'It runs a script of another program.'],
  ['WRONGTYPE', 'Another program uses the same keys: choose another prefix.'],
  ['ERR', 'Redis 7 or newer is needed, or Valkey.'],
]);

/** Converts what a client threw. Only its code is read: the texts of a client can contain the URL of Redis with its password. */
export function toRedisError(thrown: unknown): OAuthError {
  const code = thrown instanceof Error ? redisErrorCode(thrown) : undefined;
  const advice = REDIS_ADVICE.get(code ?? '');
  const what = advice === undefined ? 'can not be reached' : 'refused a command';
  return redisUnavailable(code === undefined ? what : `${what} (${code})`, advice);
}

/** The client has a connection, and no answer came. */
export function redisSilent(): OAuthError {
  return redisUnavailable('does not answer');
}

/** The client has no connection. */
export function redisUnconnected(): OAuthError {
  return redisUnavailable('can not be reached: the client is not connected');
}

function redisUnavailable(what: string, advice: string = CONNECTION_ADVICE): OAuthError {
  return new OAuthError(
    'storage_unavailable',
    `Redis ${what}. ${advice} Until then, tokens that are still valid are served, and none is refreshed. Try again later.`,
    { retryable: true },
  );
}

/** The code of an answer, else that of the system, else the class of the error. */
function redisErrorCode(error: Error): string | undefined {
  const answer = /^[A-Z]{2,20}(?= |$)/.exec(error.message)?.[0];
  if (answer !== undefined && REDIS_ADVICE.has(answer)) return answer;
  const { code } = error as Error & { code?: unknown };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,50}$/.test(code)) return code;
  const { name } = error.constructor;
  return /^[A-Z][A-Za-z]{2,60}Error$/.test(name) ? name : undefined;
}

/** The lease of a lock has ended, or may have ended. */
export function leaseLost(): OAuthError {
  return new OAuthError(
    'lock_lost',
    'The lease of the lock in Redis may have ended, so the request was not sent. This process was stopped or blocked, or Redis did not answer. Try again.',
    { retryable: true, sent: false },
  );
}
