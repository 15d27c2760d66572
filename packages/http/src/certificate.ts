import { toErrorText } from '@oa/types/rfc';
import { environmentValue } from './proxy.ts';

/** The authority is not known, or there is none. */
const AUTHORITY_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);
/** Each of them says that the clock of this machine and the certificate do not agree. */
const CLOCK_TEXTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not yet valid',
};
const INVALID_CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
]);
/** The server can leave out an intermediate certificate, which browsers find in another way. */
const INCOMPLETE_CODES: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);
const WRONG_NAME_CODE = 'ERR_TLS_CERT_ALTNAME_INVALID';
/** A certificate can have hundreds. */
const MAX_NAMES_CHARACTERS = 200;

/**
 * Says what is wrong with a certificate, and what to do.
 *
 * @param at the host and port that sent it
 * @param cause the error code, and the certificate if the error has one
 * @returns `undefined` if `cause` is not about a certificate
 */
export function certificateText(at: string, cause: { code: string; certificate: unknown }): string | undefined {
  const { code } = cause;
  const clock = Object.hasOwn(CLOCK_TEXTS, code) ? CLOCK_TEXTS[code] : undefined;
  if (clock !== undefined)
    return `The certificate of ${at} ${clock} (${code}), and the clock of this machine says ${currentTime()}. Check the clock. If it is right, the operator of ${at} must renew it, or the one of its authority.`;
  if (code === WRONG_NAME_CODE)
    return `The certificate of ${at} is for ${namesIn(cause.certificate)}, and not for this host (${code}). Check the host name in the address. The login page of a network, or a proxy, may have answered instead.`;
  if (code === 'CERT_TOO_WEAK')
    return `The certificate of ${at} has a key or a signature that is too weak for this platform. Report it to the operator of ${at}.`;
  if (AUTHORITY_CODES.has(code))
    return `The certificate of ${at} is not trusted: ${authorityText(code)} (${code}). For a private certificate authority, such as that of a company or of a proxy, set NODE_EXTRA_CA_CERTS to its PEM file, or ${systemAdvice()}.${extraFileHint()}${incompleteHint(code, at)}`;
  return INVALID_CERTIFICATE_CODES.has(code)
    ? `The certificate of ${at} is not valid (${code}). Report it to the operator of ${at}.`
    : undefined;
}

function authorityText(code: string): string {
  return code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ? 'it is self-signed' : 'its certificate authority is unknown';
}

function systemAdvice(): string {
  return usesSystemAuthorities()
    ? 'add it to the authorities of this system, which this process uses already'
    : 'NODE_USE_SYSTEM_CA=1 if this system trusts it';
}

function usesSystemAuthorities(): boolean {
  const flags = [...(globalThis.process?.execArgv ?? []), environmentValue('NODE_OPTIONS') ?? ''].join(' ');
  return environmentValue('NODE_USE_SYSTEM_CA') === '1' || /--use-system-ca\b/.test(flags);
}

function incompleteHint(code: string, at: string): string {
  return INCOMPLETE_CODES.has(code)
    ? ` If a browser trusts it without them, the server leaves out an intermediate certificate: report it to the operator of ${at}.`
    : '';
}

/** Node.js reads the file once, when it starts, and only warns if it can't. */
function extraFileHint(): string {
  const isSet = (environmentValue('NODE_EXTRA_CA_CERTS') ?? '') !== '';
  return isSet
    ? ' NODE_EXTRA_CA_CERTS is set: check that its file can be read, and that it has the certificate of this authority.'
    : '';
}

/** TLS uses the clock of the system, whatever the option `now` of the caller is. */
function currentTime(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}

/** The names in the form of Node.js: `DNS:as.example, IP Address:192.0.2.1`. */
function namesIn(certificate: unknown): string {
  const { subjectaltname, subject } = (certificate ?? {}) as { subjectaltname?: unknown; subject?: { CN?: unknown } };
  const text = typeof subjectaltname === 'string' ? subjectaltname : subject?.CN;
  if (typeof text !== 'string' || text === '') return 'other names';
  const names = toErrorText(text.replaceAll(/\b(?:DNS|IP Address|URI):/g, ''));
  const shown = names.length > MAX_NAMES_CHARACTERS ? `${names.slice(0, MAX_NAMES_CHARACTERS)}...` : names;
  // Without this, the message would contradict itself: the common name does not count for an IP address.
  return typeof subjectaltname === 'string' ? shown : `${shown} (without a subjectAltName)`;
}
