import { OAuthError, type AuthorizationServer, type Client } from '@oa/types';
import type { ClientAuthentication } from './authenticate.ts';

/** How a secret is sent. The unencoded Basic is what servers expect that skip the form-decoding of RFC 6749 section 2.3.1. */
export type Method = 'client_secret_basic' | 'client_secret_basic_unencoded' | 'client_secret_post' | 'none';

/** What a caller may ask for; otherwise the method follows from the client's registration and the server's metadata. */
export type ChosenMethod = 'client_secret_basic' | 'client_secret_post' | 'none';

const METHODS: ReadonlySet<unknown> = new Set<ChosenMethod>(['client_secret_basic', 'client_secret_post', 'none']);
/** RFC 8705 section 2: the certificate of the connection authenticates, and the body says `client_id`. */
const BY_CERTIFICATE: ReadonlySet<unknown> = new Set(['tls_client_auth', 'self_signed_tls_client_auth']);
/** A process that talks to more servers than this forgets the oldest, and learns again. */
const MOST_REMEMBERED = 200;

const remembered = new Map<string, Method>();

/**
 * The methods to try, the best first: what worked before, what the caller, the registration or the server's metadata says, then what else
 * the server may accept. Only Basic has alternatives, because servers differ in how they decode it.
 */
export function methodsFor(
  server: AuthorizationServer,
  client: Client,
  override: ChosenMethod | undefined,
): [Method, ...Method[]] {
  const chosen = chooseMethod(server, client, override);
  if (chosen !== 'client_secret_basic') return [chosen];
  const others: Method[] = [];
  if (encodingMatters(client)) others.push('client_secret_basic_unencoded');
  const supported = supportedBy(server);
  // What was registered binds both, except at servers that register for whatever they are asked, and support less.
  const isRegistered = client.token_endpoint_auth_method !== undefined && supported?.includes(chosen) !== false;
  const isPinned = override !== undefined || isRegistered;
  if (!isPinned && (supported?.includes('client_secret_post') ?? true)) others.push('client_secret_post');
  const known = remembered.get(keyOf(server, client));
  if (known === undefined || !others.includes(known)) return [chosen, ...others];
  return [known, chosen, ...others.filter((method) => method !== known)];
}

/**
 * Whether `method` is worth a try after `error`. Of a server without metadata nobody knows that it accepts the body: it is asked that way
 * if the encoding could be the reason, or if it says that it misses `client_id` or `client_secret`.
 */
export function isWorthTrying(method: Method, error: OAuthError, server: AuthorizationServer, client: Client): boolean {
  if (method !== 'client_secret_post' || supportedBy(server) !== undefined) return true;
  return encodingMatters(client) || error.error === 'invalid_request';
}

/** Keeps for this process that `method` worked. */
export function remember(server: AuthorizationServer, client: Client, method: Method): void {
  const oldest = remembered.keys().next();
  if (remembered.size >= MOST_REMEMBERED && oldest.done === false) remembered.delete(oldest.value);
  remembered.set(keyOf(server, client), method);
}

/** The method that a hook is not. */
export function methodOverride(
  authentication: ChosenMethod | ClientAuthentication | undefined,
): ChosenMethod | undefined {
  if (authentication === undefined || typeof authentication === 'function') return undefined;
  if (METHODS.has(authentication)) return authentication;
  throw new TypeError(`options.authentication must be ${[...METHODS].join(', ')} or a function`);
}

/** RFC 8414 section 2: the server's list, where it is absent client_secret_basic. RFC 7591 section 2: the registration decides. */
function chooseMethod(server: AuthorizationServer, client: Client, override: ChosenMethod | undefined): ChosenMethod {
  const registered = client.token_endpoint_auth_method;
  if (override !== undefined) {
    if (override !== 'none' && !hasSecret(client)) throw new TypeError(`${override} needs client.client_secret`);
    return override;
  }
  if (isChosenMethod(registered) && (registered === 'none' || hasSecret(client))) return registered;
  if (BY_CERTIFICATE.has(registered)) return 'none';
  if (registered !== undefined && !isChosenMethod(registered)) throw unsupported(server, `the client's ${registered}`);
  if (!hasSecret(client)) return 'none';
  const supported = supportedBy(server) ?? ['client_secret_basic'];
  const chosen = [...METHODS].find((method) => supported.includes(method as ChosenMethod));
  if (isChosenMethod(chosen)) return chosen;
  throw unsupported(server, `a client secret, but ${supported.join(', ').slice(0, 100)}`);
}

/** An empty list is a server's way to say nothing. */
function supportedBy(server: AuthorizationServer): string[] | undefined {
  const supported = server.token_endpoint_auth_methods_supported;
  return supported?.length === 0 ? undefined : supported;
}

function unsupported(server: AuthorizationServer, what: string): OAuthError {
  const advice = 'Choose a method with options.authentication, or pass a function that authenticates the client.';
  return new OAuthError('unsupported_client_authentication', `${server.issuer} can't be used with ${what}. ${advice}`);
}

function encodingMatters(client: Client): boolean {
  return [client.client_id, client.client_secret ?? ''].some((text) => !/^[\w.*-]*$/.test(text));
}

function hasSecret(client: Client): boolean {
  return client.client_secret !== undefined && client.client_secret !== '';
}

function isChosenMethod(value: unknown): value is ChosenMethod {
  return METHODS.has(value);
}

function keyOf(server: AuthorizationServer, client: Client): string {
  return JSON.stringify([server.issuer, client.client_id]);
}
