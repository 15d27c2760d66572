import { OAuthError } from '@oa/types';

/** Error codes with an explanation for the user. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
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
/** These errors occur before there is a connection. Others can also occur later: EHOSTUNREACH also ends an open connection. */
const UNCONNECTED_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** The system calls that are made before there is a connection. */
const CONNECTING_SYSCALLS: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);
/** The request was not sent in these cases either, but another attempt would fail in the same way. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
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

/**
 * Converts what `fetch` or a body stream threw. Only the error codes are read, because messages and causes of HTTP clients contain URLs,
 * headers and bodies. `sent` is `false` only where the failure came before the request left this machine.
 */
export function toNetworkError(thrown: unknown, name: string): OAuthError {
  const causes = causesOf(thrown);
  const codes = causes.map(({ code }) => code);
  if (codes.includes('UND_ERR_HEADERS_OVERFLOW'))
    return new OAuthError(
      'response_too_large',
      `${name} answered with more headers than the platform reads. Check that the address is an OAuth endpoint.`,
    );
  if (codes.includes('UND_ERR_HEADERS_TIMEOUT') || codes.includes('UND_ERR_BODY_TIMEOUT'))
    return new OAuthError('timeout', `${name} stopped answering. Try again later.`, {
      retryable: true,
      sent: true,
    });
  if (codes.some((code) => CERTIFICATE_CODES.has(code)))
    return new OAuthError(
      'network_error',
      `No secure connection to ${name}: its certificate is not trusted. For a private certificate authority, set NODE_EXTRA_CA_CERTS to its PEM file.`,
      { sent: false },
    );
  const code = codes.find((code) => Object.hasOwn(EXPLANATIONS, code));
  const why = code === undefined ? 'the connection failed or broke' : `${EXPLANATIONS[code]} (${code})`;
  return new OAuthError('network_error', `No answer from ${name}: ${why}. Check the address and the network.`, {
    retryable: true,
    sent: !causes.some(({ code, syscall }) => UNCONNECTED_CODES.has(code) || CONNECTING_SYSCALLS.has(syscall)),
  });
}

/** Lists the error codes in a chain of causes. An `AggregateError` has one error for each address of a host, of which the first counts. */
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
