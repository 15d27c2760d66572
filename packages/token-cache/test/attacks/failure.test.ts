// A job with a wrong secret must not make the jobs with the right one fail, and a failure file must not be able to say anything.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileTokenCache } from '@oa/token-cache';
import { isOAuthError, OAuthError, type OAuthErrorCode, type OAuthErrorDetails } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { parseFailure } from '../../src/failure.ts';
import { fileNames, KEY, TOKEN, useCache } from '../setup.ts';
import { isLinear } from './linear.ts';

const fixture = useCache();

/** The work of a call fails while another call waits for its lock. Returns what the waiting call came to. */
async function waitForFailure(failure: OAuthError): Promise<unknown> {
  const { directory } = fixture;
  const held = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const holder = fileTokenCache({ directory }).lock(KEY, async () => {
    held.resolve();
    await waiting.promise;
    throw failure;
  });
  await held.promise;
  const whileWaiting = (): undefined => waiting.resolve() as undefined;
  // It may reject before the holder does.
  const waiter = fileTokenCache({ directory })
    .lock(KEY, async () => 'own work', { whileWaiting })
    .catch((error: unknown) => error);
  await expect(holder).rejects.toBe(failure);
  return waiter;
}

describe('a call that waits does its own work after', () => {
  it.for<[OAuthErrorCode, OAuthErrorDetails]>([
    ['oauth_error', { error: 'invalid_client', status: 401 }],
    ['oauth_error', { error: 'unauthorized_client', status: 400 }],
    // Servers have many names for a wrong secret.
    ['oauth_error', { error: 'access_denied', status: 401 }],
    ['oauth_error', { error: 'incorrect_client_credentials', status: 200 }],
    ['oauth_error', { error: 'invalid_grant', status: 400 }],
    ['http_error', { status: 403 }],
    ['unsupported_client_authentication', {}],
    ['client_required', {}],
    ['storage_unavailable', {}],
    // The user of the next process may not have seen that login.
    ['login_timeout', {}],
  ])('%s %j of the holder, whose credentials may be wrong', async ([code, details]) => {
    expect(await waitForFailure(new OAuthError(code, 'The server refused.', details))).toBe('own work');
    expect(fileNames(fixture).filter((name) => name.endsWith('.failure'))).toEqual([]);
  });
});

describe('a call that waits gets', () => {
  it.for<[OAuthErrorCode, OAuthErrorDetails]>([
    ['network_error', { retryable: true, sent: true }],
    ['http_error', { status: 503, retryable: true, retryAfter: 5 }],
    // From the authorization endpoint, which no client authenticates to: the user denied the login.
    ['oauth_error', { error: 'access_denied' }],
  ])('%s %j of the holder, which would be its own', async ([code, details]) => {
    const failure = new OAuthError(code, 'It failed.', details);
    expect(JSON.stringify(await waitForFailure(failure))).toBe(JSON.stringify(failure));
  });
});

describe('the record of a failure', () => {
  it('is not believed if it is not one that calls share, as an older version wrote them', () => {
    const refused = { code: 'oauth_error', message: 'm', error: 'invalid_client', status: 401, retryable: false };
    expect(parseFailure(JSON.stringify(refused))).toBeUndefined();
    expect(parseFailure(JSON.stringify({ ...refused, code: 'login_required', retryable: true }))).toBeUndefined();
  });

  it.for([
    ['a code that is no code', { code: 'rm -rf', message: 'm', retryable: true }],
    ['a prototype', '{"__proto__":{"code":"timeout","message":"m","retryable":true}}'],
    ['a text as status', { code: 'timeout', message: 'm', retryable: true, status: '503' }],
    ['a text as sent', { code: 'timeout', message: 'm', retryable: true, sent: 'no' }],
    ['a text as retryable', { code: 'timeout', message: 'm', retryable: 'yes' }],
    ['an object as retryAfter', { code: 'timeout', message: 'm', retryable: true, retryAfter: { valueOf: 1 } }],
    ['a number that JSON reads as infinite', '{"code":"timeout","message":"m","retryable":true,"retryAfter":1e999}'],
    ['a list as error', { code: 'timeout', message: 'm', retryable: true, error: ['x'] }],
  ] as const)('is not believed with %s', ([, record]) => {
    expect(parseFailure(typeof record === 'string' ? record : JSON.stringify(record))).toBeUndefined();
  });

  it('carries no control character to a terminal, and no member of its own', () => {
    const escape = '\u001b]0;title\u0007\u009b31m';
    const record = {
      code: 'timeout',
      message: `a${escape}b`,
      error: `c${escape}d`,
      retryable: true,
      stack: 's',
      cause: 'c',
    };
    const failure = parseFailure(JSON.stringify(record));
    expect(isOAuthError(failure)).toBe(true);
    expect(JSON.stringify(failure)).not.toMatch(/\\u00|\p{Cc}/u);
    expect(Object.keys(failure ?? {}).toSorted()).toEqual(['code', 'error', 'retryable']);
  });

  it('of any size is parsed in linear time', async () => {
    const text = (size: number): string =>
      JSON.stringify({
        code: 'timeout',
        message: '\u001b["\\'.repeat(size / 4),
        error: 'e"'.repeat(size / 4),
        retryable: true,
      });
    expect(await isLinear(text, parseFailure)).toBe(true);
    const nested = (size: number): string => '['.repeat(size);
    expect(await isLinear(nested, parseFailure)).toBe(true);
  });
});

it('a failure file that another process cut or filled does not reach a call that waits', async () => {
  const { cache, directory, file } = fixture;
  await cache.set(KEY, TOKEN);
  const failures = file.replace('.json', '.failure');
  for (const planted of ['{"code":"oauth_error","mess', '\0'.repeat(4096), `"${'x'.repeat(500_000)}"`]) {
    const held = Promise.withResolvers<void>();
    const free = Promise.withResolvers<void>();
    const holder = cache.lock(KEY, async () => (held.resolve(), free.promise));
    await held.promise;
    let looks = 0;
    const waiter = fileTokenCache({ directory }).lock(KEY, async () => 'own work', {
      whileWaiting: () => void (looks += 1),
    });
    await expect.poll(() => looks, { timeout: 20_000 }).toBeGreaterThan(0);
    writeFileSync(failures, planted, { mode: 0o600 });
    free.resolve();
    await holder;
    expect(await waiter).toBe('own work');
    expect(readFileSync(file, 'utf8')).toContain(TOKEN.access_token);
  }
});
