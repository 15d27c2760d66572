import { OAuthError } from '@oa/types';
import { causesOf, type FailureCause } from './cause.ts';
import { certificateText } from './certificate.ts';
import type { PreparedRequest } from './ky.ts';
import { environmentProxy, hostAndPort, proxyHint, type EnvironmentProxy } from './proxy.ts';
import { isExplained, isPermanent, isTls, reasonAdvice, reasonText } from './reason.ts';

/** These errors occur before there is a connection. Others can also occur later: EHOSTUNREACH also ends an open connection. */
const UNCONNECTED_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'BAD_PORT',
  'TLS_CLOSED',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
]);
/** The system calls that are made before there is a connection. */
const CONNECTING_SYSCALLS: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);

/** A request that failed, and the proxy of the environment. */
interface FailedRequest {
  name: string;
  url: URL;
  proxy: EnvironmentProxy | undefined;
}

/** Converts what `fetch` or a body stream threw, with the reason by its error codes. */
export function explainFailure(thrown: unknown, { name, fetch }: PreparedRequest, url: URL): OAuthError {
  const causes = causesOf(thrown);
  const codes = new Set(causes.map(({ code }) => code));
  const failed = { name, url, proxy: proxyOf(url, fetch) };
  if (codes.has('UND_ERR_HEADERS_OVERFLOW'))
    return new OAuthError(
      'response_too_large',
      `${name} answered with more headers than the platform reads. Check that the address is an OAuth endpoint.`,
    );
  if (codes.has('UND_ERR_HEADERS_TIMEOUT') || codes.has('UND_ERR_BODY_TIMEOUT'))
    return new OAuthError('timeout', `${name} stopped answering.${proxyHint(failed.proxy)} Try again later.`, {
      retryable: true,
      sent: true,
    });
  return toCertificateError(causes, failed) ?? toTunnelError(causes, failed) ?? toConnectionError(causes, failed);
}

/** Returns the hint for a request that had no answer in time, which starts with a space or is empty. */
export function explainTimeout(url: URL): string {
  return proxyHint(environmentProxy(url));
}

function proxyOf(url: URL, fetch: PreparedRequest['fetch']): EnvironmentProxy | undefined {
  return fetch === undefined ? environmentProxy(url) : undefined;
}

/** The request was not sent, but another attempt would fail in the same way. */
function toCertificateError(
  causes: readonly FailureCause[],
  { name, url, proxy }: FailedRequest,
): OAuthError | undefined {
  const at = hostAndPort(url);
  // With TLS to the proxy, either of the two can have sent the certificate.
  const sender = proxy?.used && proxy.isSecure ? `the proxy ${proxy.address} or of ${at}` : at;
  const text = causes.map((cause) => certificateText(sender, cause)).find((each) => each !== undefined);
  if (text === undefined) return undefined;
  return new OAuthError('network_error', `No secure connection to ${name}. ${text}`, { sent: false });
}

/** The proxy answered, and did not connect to the server. */
function toTunnelError(causes: readonly FailureCause[], { name, url, proxy }: FailedRequest): OAuthError | undefined {
  const status = causes.find((cause) => cause.status !== undefined)?.status;
  if (status === undefined) return undefined;
  const which = proxy === undefined ? 'The proxy' : `The proxy ${proxy.address}, which ${proxy.variable} names,`;
  const problem =
    status === 407
      ? `${which} wants credentials (status 407). ${credentialsAdvice(proxy)}`
      : `${which} does not connect to ${hostAndPort(url)} (status ${status}). ${
          status < 500
            ? 'Ask the operator of the proxy to allow this host, or add it to NO_PROXY if it needs no proxy.'
            : 'Check the address, and try again later.'
        }`;
  return new OAuthError('network_error', `No answer from ${name}. ${problem}`, {
    retryable: status >= 500,
    sent: false,
  });
}

function credentialsAdvice(proxy: EnvironmentProxy | undefined): string {
  // Without a variable, the program has chosen the proxy.
  const { variable = 'the URL of the proxy', address = 'HOST:PORT', hasCredentials = false } = proxy ?? {};
  return hasCredentials
    ? `It refused the user name and the password in ${variable}. Check them: special characters in them must be percent-encoded.`
    : `Put them into ${variable}, as in http://USER:PASSWORD@${address}, with special characters percent-encoded.`;
}

/** The platform refuses a reserved port before it looks for a proxy. TLS is spoken with the server, behind a proxy that speaks plain http. */
function isAboutServer(code: string | undefined, proxy: EnvironmentProxy): boolean {
  return code === 'BAD_PORT' || (code !== undefined && isTls(code) && !proxy.isSecure);
}

function toConnectionError(causes: readonly FailureCause[], { name, url, proxy }: FailedRequest): OAuthError {
  const code = causes.find((cause) => isExplained(cause.code))?.code ?? causes[0]?.code;
  const [server, isPlain] = [hostAndPort(url), url.protocol === 'http:'];
  const problem =
    proxy?.used && !isAboutServer(code, proxy)
      ? `${proxyHint(proxy)} ${reasonText(code, proxy.address, proxy.address.replace(/:\d+$/, ''))} Check ${proxy.variable}, and that the proxy runs. A host that needs no proxy belongs into NO_PROXY.`
      : ` ${reasonText(code, server, url.hostname)} ${reasonAdvice(code, isPlain)}${code === 'BAD_PORT' ? '' : proxyHint(proxy)}`;
  return new OAuthError('network_error', `No answer from ${name}.${problem}`, {
    retryable: !isPermanent(code),
    sent: !causes.some((cause) => UNCONNECTED_CODES.has(cause.code) || CONNECTING_SYSCALLS.has(cause.syscall)),
  });
}
