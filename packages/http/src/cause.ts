/** What is read of an error of the platform. Its message and its other members contain URLs, headers and bodies. */
export interface FailureCause {
  code: string;
  syscall: unknown;
  /** The certificate of a host with another name. */
  certificate: unknown;
  /** The status with which a proxy refused to connect. */
  status?: number | undefined;
}

/** A failed request to a proxy has no code of its own, only this text. */
const TUNNEL_PATTERN = /^Proxy response \((\d{3})\)/;
/** Fixed texts of Node.js, for errors without a code or with one that says less. */
const CODES_BY_TEXT: readonly [RegExp, string][] = [
  [TUNNEL_PATTERN, 'PROXY_REFUSED'],
  [/^bad port$/, 'BAD_PORT'],
  [/^Client network socket disconnected before secure TLS connection/, 'TLS_CLOSED'],
  [/^(?:EE|CA) (?:certificate key|signature digest algorithm) too weak$/, 'CERT_TOO_WEAK'],
];

/** Lists the causes of an error. An `AggregateError` has one error for each address of a host, of which the first counts. */
export function causesOf(thrown: unknown): FailureCause[] {
  const causes: FailureCause[] = [];
  let current = thrown;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const cause = toFailureCause(current);
    if (cause !== undefined) causes.push(cause);
    current = current.cause ?? (current instanceof AggregateError ? (current.errors as unknown[])[0] : undefined);
  }
  return causes;
}

function toFailureCause(error: Error): FailureCause | undefined {
  const { message, name, code, syscall, cert } = error as Error & Record<'code' | 'syscall' | 'cert', unknown>;
  const known = CODES_BY_TEXT.find(([pattern]) => pattern.test(message))?.[1];
  const own = typeof code === 'string' ? code : name === 'HTTPParserError' ? 'HPE_INVALID' : undefined;
  const found = known ?? own;
  if (found === undefined) return undefined;
  const status = TUNNEL_PATTERN.exec(message)?.[1];
  return { code: found, syscall, certificate: cert, status: status === undefined ? undefined : Number(status) };
}
