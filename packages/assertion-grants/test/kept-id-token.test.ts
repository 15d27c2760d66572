import { rejectionOf } from '@oa-internal/testing';
import { OAuthError, type OAuthErrorCode, type Token, type TokenSource, type TokenSourceOptions } from '@oa/types';
import { expect, it } from 'vitest';
import { keptIdToken } from '@oa/assertion-grants';

const audience = 'https://idp.example';

/** A session whose refreshes give the next of these ID tokens. The last one stays. */
function session(...idTokens: unknown[]): {
  source: (options?: TokenSourceOptions) => Promise<Token>;
  asked: unknown[];
} {
  const asked: unknown[] = [];
  let at = 0;
  const source = async (options: TokenSourceOptions = {}): Promise<Token> => {
    asked.push(options);
    if (options.rejected === `at-${at}`) at = Math.min(at + 1, idTokens.length - 1);
    return { access_token: `at-${at}`, token_type: 'Bearer', id_token: idTokens[at] };
  };
  return { source, asked };
}

it('gives the kept ID token, and passes on the signal', async () => {
  const { source, asked } = session('id-1', 'id-2');
  const { signal } = new AbortController();
  expect(await keptIdToken(source)({ audience, signal })).toBe('id-1');
  expect(asked).toEqual([{ signal }]);
});

it('renews the session where the kept ID token was refused, and not where another process has renewed it', async () => {
  const { source, asked } = session('id-1', 'id-2');
  const subject = keptIdToken(source);
  expect(await subject({ audience, rejected: 'id-1' })).toBe('id-2');
  expect(asked).toEqual([{ signal: undefined }, { signal: undefined, rejected: 'at-0' }]);
  asked.length = 0;
  expect(await subject({ audience, rejected: 'id-1' })).toBe('id-2');
  expect(asked).toEqual([{ signal: undefined }]);
});

it('needs a login if a refresh brings no new ID token', async () => {
  const { source } = session('planted-id', 'planted-id');
  const error = await rejectionOf(keptIdToken(source)({ audience, rejected: 'planted-id' }));
  expect(error.code).toBe('login_required');
  expect(error.message).not.toContain('planted');
});

/** A session that can't be renewed. */
function unrenewable(code: OAuthErrorCode): TokenSource {
  return async ({ rejected } = {}) => {
    if (rejected !== undefined) throw new OAuthError(code, 'No.');
    return { access_token: 'at', token_type: 'Bearer', id_token: 'id-1' };
  };
}

it('rejects where the session can not be renewed', async () => {
  const error = await rejectionOf(keptIdToken(unrenewable('login_required'))({ audience, rejected: 'id-1' }));
  expect(error).toMatchObject({ code: 'login_required', message: 'No.' });
});

it('gives the same ID token where the session is seconds old, so that the refusal of the server is the answer', async () => {
  expect(await keptIdToken(unrenewable('token_rejected'))({ audience, rejected: 'id-1' })).toBe('id-1');
});

it.each([[undefined], [''], [1]])(
  'says that the scope openid is missing where the ID token is %j',
  async (id_token) => {
    const error = await rejectionOf(keptIdToken(session(id_token).source)({ audience }));
    expect(error).toMatchObject({ code: 'assertion_unavailable' });
    expect(error.message).toContain('Log in with the scope openid.');
  },
);

it('needs a function', () => {
  expect(() => keptIdToken('token' as never)).toThrow(
    new TypeError('source must be a function that resolves with a token.'),
  );
});
