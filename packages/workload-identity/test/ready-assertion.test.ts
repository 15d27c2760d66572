import { errorThrownBy } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { readyAssertion } from '../src/ready-assertion.ts';
import { makeJwt, secondsFromNow } from './platform.ts';

const ORIGIN = { name: 'The token', cure: 'Do something.', renews: true };

it('returns a JWT that is valid, without the white space around it', async () => {
  const jwt = await makeJwt({ nbf: secondsFromNow(-5) });
  expect(readyAssertion(` ${jwt}\n`, ORIGIN, Date.now)).toBe(jwt);
});

it.each([
  '<saml>'.repeat(3).replaceAll(/[<>]/g, ''),
  'a.b',
  'a.b.c',
  'a.%%%.c',
  `x.${btoa('[1]')}.z`,
  'a.b.c.d.e',
  ...['', '.c.d', '.c.d.e'].map((rest) => `a.${btoa('{"exp":1}')}${rest}`),
])('returns an assertion that is no JWT with times as it is: %s', (text) => {
  expect(readyAssertion(text, ORIGIN, Date.now)).toBe(text);
});

it('ignores times that are no numbers, and takes any number of exp', async () => {
  const wrong: Record<string, unknown>[] = [{ exp: 'soon' }, { exp: 1e300 }, { nbf: null }];
  for (const claims of wrong) {
    const jwt = await makeJwt(claims);
    expect(readyAssertion(jwt, ORIGIN, Date.now)).toBe(jwt);
  }
});

it('refuses an expired JWT, and says both times (RFC 7523 section 3)', async () => {
  const jwt = await makeJwt({ exp: 1_700_000_000 });
  const error = errorThrownBy(() => readyAssertion(jwt, ORIGIN, () => 1_700_000_000_000));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: true });
  expect(error.message).toBe(
    'The token has expired at 2023-11-14T22:13:20Z. The clock of this machine says 2023-11-14T22:13:20Z. Do something.',
  );
  expect(readyAssertion(jwt, ORIGIN, () => 1_699_999_999_999)).toBe(jwt);
  const fixed = { ...ORIGIN, renews: false };
  expect(errorThrownBy(() => readyAssertion(jwt, fixed, Date.now)).retryable).toBe(false);
});

it('refuses a JWT that is not valid yet, with the clock in the message, and tolerates a minute (RFC 7519 section 4.1.5)', async () => {
  const jwt = await makeJwt({ nbf: 1_700_000_061, exp: 1_700_009_999 });
  const error = errorThrownBy(() => readyAssertion(jwt, ORIGIN, () => 1_700_000_000_000));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: true });
  expect(error.message).toBe(
    'The token is not valid before 2023-11-14T22:14:21Z. The clock of this machine says 2023-11-14T22:13:20Z. Check the clock of this machine.',
  );
  expect(readyAssertion(jwt, ORIGIN, () => 1_700_000_001_000)).toBe(jwt);
});

it('shows a time that no date can hold', async () => {
  const jwt = await makeJwt({ exp: -1e300 });
  expect(errorThrownBy(() => readyAssertion(jwt, ORIGIN, Date.now)).message).toContain('-1e+300 seconds since 1970');
});

it.each([
  ['an empty text', ' \n', /is empty/, true],
  ['a text with spaces', 'error: not logged in', /has white space/, false],
  ['two lines', 'warning\ntoken', /has white space/, false],
  ['another alphabet', 'tökén', /not ASCII/, false],
  ['more than 64 KiB', 'x'.repeat(65_537), /larger than 64 KiB/, false],
])('refuses %s', (_, text, message, retryable) => {
  const error = errorThrownBy(() => readyAssertion(text, ORIGIN, Date.now));
  expect(error.message).toMatch(message);
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable });
});

it('does not advise to try again where the platform renews nothing', () => {
  expect(errorThrownBy(() => readyAssertion(' ', { ...ORIGIN, renews: false }, Date.now)).retryable).toBe(false);
});

it('takes 64 KiB', () => {
  expect(readyAssertion('x'.repeat(65_536), ORIGIN, Date.now)).toHaveLength(65_536);
});
