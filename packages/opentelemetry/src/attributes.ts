import type { TraceContexts } from '@oa/types';

/** What an attribute can hold here. */
type AttributeValues = Record<string, string | number>;

const SCHEME_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 };

/**
 * The host and port of a URL, without its path: the values of a metric must be few.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/server/
 */
export function toServerAttributes(url: string | undefined): AttributeValues {
  if (url === undefined || !URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  const number = port === '' ? SCHEME_PORTS[protocol] : Number(port);
  return { 'server.address': hostname, ...(number !== undefined && { 'server.port': number }) };
}

/** The grant, and where the token is from, or why there is none. */
export function toTokenAttributes({ grant_type, source, code }: TraceContexts['oa:get']): AttributeValues {
  return {
    ...(grant_type !== undefined && { 'oa.grant_type': grant_type }),
    ...(source !== undefined && { 'oa.token.source': source }),
    ...toErrorAttributes(code),
  };
}

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export function toErrorAttributes(type: string | undefined): AttributeValues {
  return type === undefined ? {} : { 'error.type': type };
}
