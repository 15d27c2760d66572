import { setBounded } from '@oa/mechanisms';
import { OAuthError, type AuthorizationServer, type Client } from '@oa/types';
import { missingSecretError, toErrorText } from '@oa/types/rfc';
import type { AuthenticationOption, ClientAuthenticationMethod } from './types.ts';

/**
 * How a client identifies itself. The unencoded Basic is for servers that skip the form-decoding.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
 */
export type BuiltInMethod = ClientAuthenticationMethod | 'client_secret_basic_unencoded';

/** The methods to try, the best first. */
export type BuiltInMethods = [BuiltInMethod, ...BuiltInMethod[]];

/** In the order of preference. */
const BUILT_IN_METHODS: readonly ClientAuthenticationMethod[] = ['client_secret_basic', 'client_secret_post', 'none'];
const METHOD_LIST = 'client_secret_basic, client_secret_post or none';
const WITH_CERTIFICATE = 'tlsClientAuth({ fetch })';
/** The functions of this package for methods that need more than the client. */
const METHOD_FUNCTIONS: ReadonlyMap<unknown, string> = new Map([
  ['private_key_jwt', 'privateKeyJwt(key)'],
  ['client_secret_jwt', 'clientSecretJwt()'],
  ['tls_client_auth', WITH_CERTIFICATE],
  ['self_signed_tls_client_auth', WITH_CERTIFICATE],
]);
/** A process that talks to more servers than this forgets the oldest, and learns its method again. */
const MAX_REMEMBERED_METHODS = 200;

const rememberedMethods = new Map<string, BuiltInMethod>();
/** Where a method worked. A later refusal there is about the secret, and no other method would help. */
const provenMethods = new Map<string, BuiltInMethod>();

/**
 * Rejects a wrong option `authentication`.
 *
 * @throws {TypeError} if `authentication` is neither a built-in method nor a function nor `undefined`
 */
export function assertAuthentication(
  authentication: unknown,
): asserts authentication is AuthenticationOption | undefined {
  if (authentication === undefined || typeof authentication === 'function' || isBuiltIn(authentication)) return;
  throw new TypeError(`The option \`authentication\` must be ${METHOD_LIST}, or a function.`);
}

/**
 * Lists the built-in methods to try, the best first: the method that worked before; the method of the caller, the registration or the
 * metadata; then the methods that the server may accept besides. Only Basic has alternatives, because servers differ in how they decode it.
 *
 * @throws {OAuthError} `unsupported_client_authentication`
 * @throws {TypeError} if the method of the caller needs a secret and the client has none
 */
export function builtInMethods(
  server: AuthorizationServer,
  client: Client,
  authentication: AuthenticationOption | undefined,
): BuiltInMethods {
  const override = typeof authentication === 'function' ? undefined : authentication;
  const chosen = override === undefined ? defaultMethod(server, client) : assertUsable(override, client);
  if (chosen !== 'client_secret_basic') return [chosen];
  const supported = supportedMethods(server);
  const others: BuiltInMethod[] = encodingMatters(client) ? ['client_secret_basic_unencoded'] : [];
  // A registration binds both sides, except at servers that register a client for any method and support fewer.
  const isRegistered = client.token_endpoint_auth_method !== undefined && supported?.includes(chosen) !== false;
  const isPinned = override !== undefined || isRegistered;
  // A server that lists it reads the body. Whether it decodes Basic is a guess, and so comes last.
  if (!isPinned && supported?.includes('client_secret_post')) others.unshift('client_secret_post');
  else if (!isPinned) others.push('client_secret_post');
  const known = rememberedMethods.get(methodKey(server, client));
  if (known === undefined || !others.includes(known)) return [chosen, ...others];
  return [known, chosen, ...others.filter((method) => method !== known)];
}

/** Remembers for this process that `method` worked at `url`. */
export function rememberMethod(server: AuthorizationServer, client: Client, url: string, method: BuiltInMethod): void {
  setBounded(rememberedMethods, methodKey(server, client), method, MAX_REMEMBERED_METHODS);
  proveMethod(server, client, url, method);
}

/** Notes for this process that the server takes `method` at `url`. */
export function proveMethod(server: AuthorizationServer, client: Client, url: string, method: BuiltInMethod): void {
  setBounded(provenMethods, provenKey(server, client, url), method, MAX_REMEMBERED_METHODS);
}

/** Whether `method` has worked at `url` in this process, with a secret that needs as much encoding. */
export function isProvenMethod(
  server: AuthorizationServer,
  client: Client,
  url: string,
  method: BuiltInMethod,
): boolean {
  return provenMethods.get(provenKey(server, client, url)) === method;
}

/** Some servers publish an empty list. It says nothing. */
export function supportedMethods(server: AuthorizationServer): string[] | undefined {
  const supported = server.token_endpoint_auth_methods_supported;
  return supported?.length === 0 ? undefined : supported;
}

/** Whether Basic with the encoding and without it are different for this client. */
export function encodingMatters(client: Client): boolean {
  return [client.client_id, client.client_secret ?? ''].some((text) => needsEncoding(text));
}

/** Whether the form-encoding changes `text`. */
export function needsEncoding(text: string): boolean {
  return !/^[\w.*-]*$/.test(text);
}

function assertUsable(method: ClientAuthenticationMethod, client: Client): ClientAuthenticationMethod {
  if (method === 'none' || hasSecret(client)) return method;
  throw missingSecretError(`The option \`authentication\` is ${method}, which needs one.`);
}

/**
 * Chooses a method without the help of the caller. RFC 7591 section 2: the registration decides. RFC 8414 section 2: otherwise the list of
 * the server, and client_secret_basic where it is absent.
 */
function defaultMethod(server: AuthorizationServer, client: Client): ClientAuthenticationMethod {
  const registered = client.token_endpoint_auth_method;
  // RFC 8705 section 2: the body holds `client_id`. The option `fetch` of the call can have the certificate.
  if (METHOD_FUNCTIONS.get(registered) === WITH_CERTIFICATE) return 'none';
  if (isBuiltIn(registered) && (registered === 'none' || hasSecret(client))) return registered;
  if (registered !== undefined && !isBuiltIn(registered))
    throw unsupportedAuthentication(
      `The client is registered at ${toErrorText(server.issuer, 200)} for ${toErrorText(registered, 100)}, which is not built in.`,
      [registered],
    );
  if (!hasSecret(client)) return 'none';
  const supported = supportedMethods(server) ?? ['client_secret_basic'];
  const chosen = BUILT_IN_METHODS.find((method) => supported.includes(method));
  if (chosen !== undefined) return chosen;
  throw unsupportedAuthentication(
    `${toErrorText(server.issuer, 200)} lists no built-in method, only these: ${toErrorText(supported.join(', '), 100)}.`,
    supported,
  );
}

/** Names the functions of this package for `methods`, as a caller writes them. */
export function functionsFor(methods: readonly unknown[]): string {
  const names = new Set(methods.flatMap((method) => METHOD_FUNCTIONS.get(method) ?? []));
  return Array.from(names).join(' or ');
}

function unsupportedAuthentication(reason: string, methods: readonly string[]): OAuthError {
  const functions = functionsFor(methods) || 'a function that authenticates the client';
  const advice = `${functions}, or the built-in method to use instead (${METHOD_LIST})`;
  return new OAuthError(
    'unsupported_client_authentication',
    `${reason} Pass the option \`authentication\`: ${advice}.`,
  );
}

function hasSecret(client: Client): boolean {
  return client.client_secret !== undefined && client.client_secret !== '';
}

function isBuiltIn(value: unknown): value is ClientAuthenticationMethod {
  return (BUILT_IN_METHODS as readonly unknown[]).includes(value);
}

function methodKey(server: AuthorizationServer, client: Client): string {
  return JSON.stringify([server.issuer, client.client_id]);
}

function provenKey(server: AuthorizationServer, client: Client, url: string): string {
  return JSON.stringify([server.issuer, client.client_id, encodingMatters(client), url]);
}
