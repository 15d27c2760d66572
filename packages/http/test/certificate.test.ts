import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { request } from '@oa/http';

const ADVICE = 'set NODE_EXTRA_CA_CERTS to its PEM file, or NODE_USE_SYSTEM_CA=1 if this system trusts it.';

beforeEach(() => {
  for (const name of ['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'NODE_OPTIONS']) vi.stubEnv(name, undefined);
});
afterEach(() => void vi.unstubAllEnvs());

/** The message for a certificate that the platform refused with `code`. */
async function messageFor(code: string, cert?: unknown, text = 'planted-message'): Promise<string> {
  const cause = Object.assign(new Error(text), { code, cert });
  const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed', { cause }));
  const error = await rejectionOf(request('POST', 'https://as.example/token', { fetch }));
  expect(error).toMatchObject({ code: 'network_error', retryable: false, sent: false });
  expect(inspectAll(error)).not.toContain('planted-message');
  return error.message.replace(
    'No secure connection to https://as.example/token. The certificate of as.example:443 ',
    '',
  );
}

it.each([
  ['CERT_HAS_EXPIRED', 'has expired (CERT_HAS_EXPIRED), and'],
  ['CERT_NOT_YET_VALID', 'is not yet valid (CERT_NOT_YET_VALID), and'],
])('%s shows the clock, and asks to check it', async (code, words) => {
  const message = await messageFor(code);
  expect(message).toContain(`${words} the clock of this machine says 2`);
  expect(message).toMatch(/Z\. Check the clock\. If it is right, the operator of as\.example:443 must renew/);
});

it.each<[unknown, string]>([
  [{ subjectaltname: 'DNS:a.example, DNS:*.b.example, IP Address:192.0.2.1' }, 'a.example, *.b.example, 192.0.2.1'],
  [{ subject: { CN: 'a.example' } }, 'a.example (without a subjectAltName)'],
  [{ subjectaltname: `DNS:${'a'.repeat(300)}` }, `${'a'.repeat(200)}...`],
  [{ subjectaltname: 'DNS:a\u001B[31m\n"b".example' }, 'a[31mb.example'],
  [{ subjectaltname: '' }, 'other names'],
  [{}, 'other names'],
  [undefined, 'other names'],
])('names the hosts of the certificate %j', async (cert, names) => {
  expect(await messageFor('ERR_TLS_CERT_ALTNAME_INVALID', cert)).toContain(
    `is for ${names}, and not for this host (ERR_TLS_CERT_ALTNAME_INVALID).`,
  );
});

it.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'it is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate authority is unknown'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate authority is unknown'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate authority is unknown'],
])('%s names the variables that make an authority known', async (code, words) => {
  const message = await messageFor(code);
  expect(message).toContain(`is not trusted: ${words} (${code}).`);
  expect(message).toContain(ADVICE);
  vi.stubEnv('NODE_EXTRA_CA_CERTS', '/etc/ca.pem');
  expect(await messageFor(code)).toContain(' NODE_EXTRA_CA_CERTS is set: check that its file can be read');
});

it.each(['CERT_REVOKED', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED'])(
  '%s is for the operator of the server',
  async (code) => {
    expect(await messageFor(code)).toBe(`is not valid (${code}). Report it to the operator of as.example:443.`);
  },
);

it.each(['EE certificate key too weak', 'CA certificate key too weak', 'CA signature digest algorithm too weak'])(
  'says of "%s", which has no code of its own, that the certificate is too weak',
  async (text) => {
    expect(await messageFor('UNSPECIFIED', undefined, text)).toBe(
      'has a key or a signature that is too weak for this platform. Report it to the operator of as.example:443.',
    );
  },
);

it.each([
  ['NODE_USE_SYSTEM_CA', '1'],
  ['NODE_OPTIONS', '--use-system-ca'],
])('does not advise what %s=%s has done already', async (name, value) => {
  vi.stubEnv(name, value);
  const message = await messageFor('SELF_SIGNED_CERT_IN_CHAIN');
  expect(message).not.toContain('NODE_USE_SYSTEM_CA=1');
  expect(message).toContain('add it to the authorities of this system');
});

it.each([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', true],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', true],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', false],
])('%s can be an intermediate certificate that the server leaves out: %s', async (code, expected) => {
  expect((await messageFor(code)).includes('the server leaves out an intermediate certificate')).toBe(expected);
});
