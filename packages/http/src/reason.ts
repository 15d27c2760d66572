/** What failed, by its error code. `at` is a host and port, `host` the host alone. */
const SENTENCES: Readonly<Record<string, (at: string, host: string) => string>> = {
  ECONNREFUSED: (at) => `Nothing listens at ${at}`,
  ENOTFOUND: (_, host) => `The host name ${host} is unknown`,
  EAI_NODATA: (_, host) => `The host name ${host} has no address`,
  EAI_NONAME: (_, host) => `The host name ${host} is unknown`,
  EAI_FAIL: (_, host) => `The host name ${host} could not be looked up`,
  EAI_AGAIN: (_, host) => `The host name ${host} could not be looked up, because no name server answered`,
  EHOSTUNREACH: (at) => `${at} is unreachable`,
  ENETUNREACH: (at) => `The network of ${at} is unreachable`,
  ENETDOWN: () => 'The network of this machine is down',
  EADDRNOTAVAIL: (at) => `There is no route to ${at}`,
  UND_ERR_CONNECT_TIMEOUT: (at) => `No connection to ${at} was made in time`,
  ETIMEDOUT: (at) => `The connection to ${at} timed out`,
  ECONNRESET: (at) => `The connection to ${at} was closed before the answer was complete`,
  ECONNABORTED: (at) => `The connection to ${at} was closed before the answer was complete`,
  EPIPE: (at) => `The connection to ${at} was closed before the answer was complete`,
  UND_ERR_SOCKET: (at) => `The connection to ${at} was closed before the answer was complete`,
  TLS_CLOSED: (at) => `${at} closed the connection before the TLS handshake was complete`,
  EACCES: (at) => `The system does not allow a connection to ${at}`,
  EPERM: (at) => `The system does not allow a connection to ${at}`,
  EMFILE: () => 'This process has too many open files',
  ENFILE: () => 'This machine has too many open files',
  BAD_PORT: (at) => `The platform connects to no service at ${at}, because the port is reserved for another protocol`,
  ERR_SSL_WRONG_VERSION_NUMBER: (at) => `${at} does not speak TLS, although its address begins with https:`,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: (at) => `${at} does not speak TLS, although its address begins with https:`,
};
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Check the address and its port, and that the server runs.',
  ENOTFOUND: 'Check its spelling, and the network (DNS, VPN).',
  EAI_NODATA: 'Check its spelling, and the network (DNS, VPN).',
  EAI_NONAME: 'Check its spelling, and the network (DNS, VPN).',
  EAI_FAIL: 'Check the network (DNS, VPN).',
  EAI_AGAIN: 'Check the network (DNS, VPN), and try again.',
  EMFILE: 'Close some, or raise the limit (ulimit -n).',
  ENFILE: 'End other programs, or raise the limit.',
  BAD_PORT: 'Check the port, and use another one for the server.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'Check the port. A server on this machine may need an http: address.',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'Check the port. A server on this machine may need an http: address.',
  TLS_CLOSED: 'Check that the port expects https, and try again later.',
};
const CLOSED_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'UND_ERR_SOCKET']);
/** Codes of Node.js that say something to a reader, and no text of a server. */
const SHOWN_CODE_PATTERN = /^(?:E[A-Z0-9_]{2,30}|(?:ERR|UND_ERR|HPE)_[A-Z0-9_/]{2,60})$/;

/** Whether `code` has a sentence of its own. */
export function isExplained(code: string): boolean {
  return Object.hasOwn(SENTENCES, code) || isTls(code) || code.startsWith('HPE_');
}

/** Says what failed at `at`, with the code. */
export function reasonText(code: string | undefined, at: string, host: string): string {
  const shown = code !== undefined && SHOWN_CODE_PATTERN.test(code) ? ` (${code})` : '';
  return `${sentenceOf(code, at, host)}${shown}.`;
}

function sentenceOf(code: string | undefined, at: string, host: string): string {
  if (code === undefined) return 'The connection failed or broke';
  const sentence = Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : undefined;
  if (sentence !== undefined) return sentence(at, host);
  if (code.startsWith('HPE_')) return `${at} answered with something that is not HTTP`;
  return isTls(code) ? `The TLS handshake with ${at} failed` : 'The connection failed or broke';
}

/** Says what the user can do about a failure of a server. */
export function reasonAdvice(code: string | undefined, isPlain: boolean): string {
  if (code === undefined) return 'Check the address and the network.';
  if (code.startsWith('HPE_')) return `Check the port${isPlain ? ', and whether it expects https' : ''}.`;
  if (CLOSED_CODES.has(code))
    return isPlain
      ? 'Check whether the port expects https, and try again later.'
      : 'Check the network (firewall, VPN), and try again later.';
  if (Object.hasOwn(ADVICE, code)) return ADVICE[code] ?? '';
  return isTls(code)
    ? 'Check the host name, or report it to the server operator: the server and Node.js have no version or cipher of TLS in common, or the server wants a client certificate.'
    : 'Check the address and the network (firewall, VPN).';
}

/** Whether the same request fails in the same way until something is configured in another way. */
export function isPermanent(code: string | undefined): boolean {
  return code === 'BAD_PORT' || (code !== undefined && /^ERR_SSL_(?:WRONG_VERSION|PACKET_LENGTH)/.test(code));
}

/** Whether `code` is a failure of TLS itself, after a connection was made. */
export function isTls(code: string): boolean {
  return code === 'EPROTO' || code === 'TLS_CLOSED' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
}
