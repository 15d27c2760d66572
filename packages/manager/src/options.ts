import type { AuthenticationOption } from '@oa/client-authentication';
import type { ClientStore } from '@oa/client-store';
import type { LoginOptions } from '@oa/loopback';
import type { ClientMetadata } from '@oa/registration';
import type { Client, RequestOptions, Store, Token } from '@oa/types';
import type { DiscoveryOption } from './discovery-option.ts';

/** How a manager behaves. Every option has a default that suits a command-line tool. */
export interface ManagerOptions extends Omit<RequestOptions, 'signal'> {
  /**
   * The name of the program, and of its directories below `$XDG_CACHE_HOME` and `$XDG_CONFIG_HOME`.
   *
   * @default 'oa'
   */
  app?: string | undefined;
  /**
   * How the client authenticates, in every request of every grant. {@link Credentials} can override it.
   *
   * @default what the client's registration and the server's metadata say
   */
  authentication?: AuthenticationOption | undefined;
  /**
   * Values of `token_type` that count as Bearer although they have other names, such as `user` and `bot` of Slack.
   *
   * @default none: a token of such a type is `unsupported_token_type`
   */
  bearerTypes?: readonly string[] | undefined;
  /**
   * Where tokens are kept. `new Map()` keeps them in memory. `fileTokenCache({ directory })` keeps them in a directory of the caller's own, and
   * with them the metadata of servers, remembered failures and the issuers of clients: what other processes must not ask for again.
   *
   * @default private files below `$XDG_CACHE_HOME/<app>/tokens`. Tokens that were obtained with an assertion or a subject token, usually those
   *   of other users, are in memory only.
   */
  cache?: Store<Token> | undefined;
  /**
   * The clients of the program by issuer, where they were registered by hand: `{ 'https://login.example': { client_id: 'my-tool' } }`.
   * Credentials without a `client_id` use the client of their issuer, and no other issuer receives its secret. Or a store for clients that
   * the program registers.
   *
   * @default registrations are kept in `$XDG_CONFIG_HOME/<app>/registered.json`
   */
  clients?: ClientStore | Readonly<Record<string, Client>> | undefined;
  /**
   * How the metadata of a server is found. `fallback: 'none'` rejects with `metadata_not_found` where the server publishes none, instead of
   * guessing its endpoints. `fallback: 'origin'` guesses at one place only: a resource that publishes no metadata has its authorization server
   * at its own origin. `requirePkce` refuses a login at a server that lists no PKCE methods, with `pkce_unsupported`. A server that lists
   * other methods than S256 only is always refused.
   *
   * @default { fallback: 'conventional', requirePkce: false }
   */
  discovery?: DiscoveryOption | undefined;
  /**
   * Whether a user may be asked to log in. `auto`: where there is a terminal and no `CI` variable. `never`: only `login` of the manager asks,
   * as with `auto`.
   *
   * @default 'auto'
   */
  interaction?: 'auto' | 'always' | 'never' | undefined;
  /**
   * Milliseconds before its expiry from which a token is renewed. At most half of the token's lifetime.
   *
   * @default 60_000
   */
  leeway?: number | undefined;
  /**
   * Whether tokens are bound to a key (DPoP): a stolen copy is of no use without the key, which is stored with the token. `true` accepts no
   * other token. `'preferred'` also accepts one of a server without DPoP, with the event `token_not_bound`. A stored token that is bound is used
   * and refreshed with its key in any case. `createFetch` of `@oa/fetch` sends the proofs.
   *
   * @default tokens are not bound
   * @see https://www.rfc-editor.org/rfc/rfc9449
   */
  dpop?: true | 'preferred' | undefined;
  /** How a browser login is done. */
  login?: Omit<LoginOptions, LoginOptionOfManager> | undefined;
  /**
   * Defaults for one kind of client. `'mcp'`, for clients of MCP servers: `discovery: { fallback: 'origin', requirePkce: true }`. A server that
   * publishes no metadata, not even that it supports PKCE, is accepted at the origin of an MCP server only, as the protocol 2025-03-26 has
   * it. Other options win over these.
   */
  preset?: 'mcp' | undefined;
  /**
   * How tokens are kept on the disk. `'file'`: in private files. `'keychain'`: encrypted in private files, with a key from the keychain of the
   * operating system. Registrations of clients are kept in the same way, unless `clients` is a store. Where the keychain is missing, locked
   * or slow, nothing is kept in plaintext: a call that would need a login or a refresh of a user ends in `storage_unavailable` with the cure.
   *
   * It can't be combined with `cache`. `fileTokenCache({ encryption })` takes any other key.
   *
   * @default 'file'
   */
  storage?: 'file' | 'keychain' | undefined;
  /** What a new registration says about the program: `client_name`, `client_uri`, ... */
  registration?: ClientMetadata | undefined;
  /**
   * The scopes that a resource server may choose: those of an `insufficient_scope` challenge, and those of a `{ resource }` target without
   * `scope`. `'user'`: any scopes, where a user consents to them in a login, and none for client credentials. A list: only these, with or
   * without a user. `false`: none.
   *
   * The risk: the resource server receives a token with the scopes that it chose.
   *
   * @default 'user'
   */
  stepUp?: 'user' | readonly string[] | false | undefined;
  /**
   * The client metadata document of the program. Its URL is the `client_id` at servers that support such documents
   * (`client_id_metadata_document_supported`), and the program is not registered there. `clientMetadataDocument` of `@oa/registration` makes
   * the document. A login uses the first free one of its ports.
   *
   * A server that refuses the document gets a registration instead, for a day.
   *
   * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
   */
  clientMetadata?:
    | {
        url: string;
        /** The port numbers in the document, at most 40. Leave them out where it names none. */
        ports?: readonly number[] | undefined;
      }
    | undefined;
  /**
   * The token of a server that does not register every client. It is sent with a registration at an issuer that the caller names, and never to
   * one that only a resource names.
   *
   * @see https://www.rfc-editor.org/rfc/rfc7591#section-3
   */
  initialAccessToken?: string | undefined;
}

/** Options of a login that the manager decides for all grants. */
export type LoginOptionOfManager =
  | 'authentication'
  | 'bearerTypes'
  | 'fetch'
  | 'signal'
  | 'now'
  | 'onEvent'
  | 'furtherResources'
  | 'interaction'
  | 'requestTimeout'
  | 'requirePkce';

/** Whether the option is a store, and not a list of clients. */
export function isClientStore(clients: NonNullable<ManagerOptions['clients']>): clients is ClientStore {
  return typeof clients['lookup'] === 'function';
}
