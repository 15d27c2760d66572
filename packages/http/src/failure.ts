import { OAuthError } from '@oa/types';

/** What a person can make something of. */
const EXPLAINED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  ENETDOWN: 'the network is down',
  EADDRNOTAVAIL: 'there is no route to that address',
  UND_ERR_CONNECT_TIMEOUT: 'no connection was made in time',
  ETIMEDOUT: 'the connection timed out',
  ECONNRESET: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
};
/** These come before a connection. Others may come before or after: an unreachable host can also be a connection that was cut. */
const UNCONNECTED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
/** The calls of an operating system that come before a connection. */
const CONNECTING: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);
const CERTIFICATE =
  'its certificate is not trusted; where a company has its own authority, name its file in NODE_EXTRA_CA_CERTS';
/** Nothing was sent either, but trying again changes nothing. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

const unsent = new WeakSet<OAuthError>();

/** Whether the failure came before the request left this machine, so that even a single-use grant may be sent again. */
export function wasNeverSent(error: OAuthError): boolean {
  return unsent.has(error);
}

/**
 * What `fetch` or a body stream threw, as an OAuthError. Only its error code is looked at: messages and causes of HTTP clients hold
 * URLs, headers and bodies.
 */
export function toOAuthError(thrown: unknown, name: string): OAuthError {
  const causes = causesOf(thrown);
  const codes = causes.map(({ code }) => code);
  if (codes.includes('UND_ERR_HEADERS_OVERFLOW'))
    return new OAuthError('response_too_large', `${name} sent more headers than are read.`);
  if (codes.includes('UND_ERR_HEADERS_TIMEOUT') || codes.includes('UND_ERR_BODY_TIMEOUT'))
    return new OAuthError('timeout', `${name} stopped answering. Try again later.`, { retryable: true });
  if (codes.some((code) => UNTRUSTED.has(code)))
    return new OAuthError('network_error', `No secure connection to ${name}: ${CERTIFICATE}.`);
  const code = codes.find((code) => Object.hasOwn(EXPLAINED, code));
  const why = code === undefined ? 'the connection failed or broke' : `${EXPLAINED[code]} (${code})`;
  const error = new OAuthError('network_error', `No answer from ${name}: ${why}. Check the address and the network.`, {
    retryable: true,
  });
  if (causes.some(({ code, syscall }) => UNCONNECTED.has(code) || CONNECTING.has(syscall))) unsent.add(error);
  return error;
}

/** The error codes in a chain of causes. An `AggregateError` (one error per address of the host) counts by its first. */
function causesOf(thrown: unknown): { code: string; syscall: unknown }[] {
  const causes: { code: string; syscall: unknown }[] = [];
  let current = thrown;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    if ('code' in current && typeof current.code === 'string')
      causes.push({ code: current.code, syscall: 'syscall' in current ? current.syscall : undefined });
    current = current.cause ?? (current instanceof AggregateError ? (current.errors as unknown[])[0] : undefined);
  }
  return causes;
}
