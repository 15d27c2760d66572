/**
 * What went wrong. The union is closed, so a `switch` over it can be exhaustive.
 *
 * Each comment has three parts: the meaning, the usual cause, and the cure. `docs/errors.md` is generated from them.
 */
export type OAuthErrorCode =
  /**
   * The server can't be reached, or the connection broke.
   * Cause: The address is wrong, the network or a proxy is down, a proxy is needed and not used, or the certificate of the server is not trusted.
   * Cure: Do what the message says: check the address, the network, the clock or the proxy, then try again. Node.js uses `HTTPS_PROXY` only with `NODE_USE_ENV_PROXY=1`. For a private certificate authority, set `NODE_EXTRA_CA_CERTS` to its PEM file, or `NODE_USE_SYSTEM_CA=1`.
   */
  | 'network_error'
  /**
   * The server did not answer completely in time.
   * Cause: The server or the network is slow, or the option `timeout` is too short.
   * Cure: Try again later, or raise `timeout`.
   */
  | 'timeout'
  /**
   * A URL is not safe for secrets. Nothing was sent to it.
   * Cause: The URL uses plain http to a host that is not loopback or another scheme such as `data:`, contains a user name or password, or is not an absolute URL.
   * Cure: Use an https URL, or http to `localhost`, `127.0.0.1` or `[::1]`. If the URL comes from metadata, ask the server operator to correct it.
   */
  | 'insecure_url'
  /**
   * The endpoint answered with a redirect that is unsafe to follow.
   * Cause: The redirect leads to another origin, the redirected request carries credentials, or there are more than three redirects in a row.
   * Cure: Use the address that the server publishes in its metadata.
   */
  | 'redirect_refused'
  /**
   * The response has a body of more than 1 MiB, or more headers than the platform reads.
   * Cause: The address is not an OAuth endpoint, or the server is faulty.
   * Cure: Check the address. If it is right, report the error to the server operator.
   */
  | 'response_too_large'
  /**
   * The body of the response is a web page or text instead of JSON.
   * Cause: The address is not an OAuth endpoint, or a proxy or the login page of a network answered.
   * Cure: Check the address, and open it in a browser to see what answers.
   */
  | 'unexpected_content_type'
  /**
   * The body of the response should be JSON, but it can't be parsed.
   * Cause: The body is empty, cut, not UTF-8, or nested too deeply.
   * Cure: Try again. If the error stays, report it to the server operator.
   */
  | 'invalid_json'
  /**
   * The body of the response is JSON, but not what the specification requires.
   * Cause: The server is faulty, or the address belongs to another kind of endpoint.
   * Cure: Check the address. If it is right, report the member that the message names to the server operator.
   */
  | 'invalid_response'
  /**
   * The server answered with an error status, and without an OAuth error in the body.
   * Cause: The address is wrong (status 404), the server is overloaded or out of service (status 429 or 5xx), or a gateway in front of it refused the request.
   * Cure: Check the address. If `retryable` is true, try again after `retryAfter` seconds, which the message names too.
   */
  | 'http_error'
  /**
   * The server refused the request. The member `error` has the code of the server, if it named one (RFC 6749 section 5.2).
   * Cause: It depends on `error`. For example, `invalid_grant` means a code or refresh token that is expired, revoked or used.
   * Cure: Log in again after `invalid_grant`. Check the client after `invalid_client`, and the scope after `invalid_scope`.
   */
  | 'oauth_error'
  /**
   * The token has a type that this client does not understand (RFC 6749 section 7.1).
   * Cause: The server issues tokens of a type other than Bearer and DPoP, or a DPoP token whose key this program does not have. Or a token is needed that is bound to a DPoP key, and the server issued another one. A token of type `N_A` is no access token (RFC 8693 section 2.2.1).
   * Cure: Configure the client at the server for Bearer tokens, or for DPoP if this program requires that. If the server documents that its tokens are used as Bearer tokens, list their type in the option `bearerTypes`.
   */
  | 'unsupported_token_type'
  /**
   * The ID token must not be trusted, or the server answered about another user than the one of the ID token (OpenID Connect Core sections 3.1.3.7 and 5.3.2).
   * Cause: The token has no ID token, or it belongs to another login, client or server, is expired, or has a wrong signature. Or the clock of this machine is wrong.
   * Cure: Do what the message says: check the clock, the `client_id` and the server, or log in again with the scope `openid`. If the error stays, report it to the server operator.
   */
  | 'invalid_id_token'
  /**
   * Metadata or an authorization response belongs to another issuer (RFC 8414 section 3.3, RFC 9207 section 2.4).
   * Cause: The issuer is not exactly the one that the server publishes, or the answer comes from another server.
   * Cure: Use the issuer that the message names, if you trust it. After a login, log in again.
   */
  | 'issuer_mismatch'
  /**
   * No metadata is found at the addresses of the specifications (RFC 8414, RFC 9728). The message names the addresses and their answers.
   * Cause: The issuer or the resource is wrong, incomplete (realm, tenant) or has a placeholder. Or the server does not support discovery, or a firewall stands in front of it.
   * Cure: Check the issuer. If it is right, make the metadata public, allow the conventional endpoints, or pass the metadata yourself.
   */
  | 'metadata_not_found'
  /**
   * The metadata of the server has no endpoint for this request.
   * Cause: The server does not support the request, for example a device login or the registration of clients.
   * Cure: Use another grant. For a registration, ask the server operator for a `client_id`.
   */
  | 'endpoint_missing'
  /**
   * The client and the server have no client authentication method in common.
   * Cause: The client has no secret, the server requires a method that needs a key or a certificate, such as `private_key_jwt`, or it does not list the algorithm of the key.
   * Cure: Pass the option `authentication`, such as `privateKeyJwt(key)` of `@oa/client-authentication`, or register the client with a method and an algorithm that both support.
   */
  | 'unsupported_client_authentication'
  /**
   * The platform that the program runs on gives it no assertion, such as the token of a Kubernetes service account or of a CI job (RFC 7521).
   * Cause: The job may not ask for a token, no token is mounted, the program does not run on that platform, or the assertion has expired.
   * Cure: Do what the message says, for example: `permissions: id-token: write` in a GitHub workflow, or a projected token volume in Kubernetes. If `retryable` is true, try again.
   */
  | 'assertion_unavailable'
  /**
   * The metadata of the server does not list the PKCE method S256, so no login was started (RFC 8414 section 2, `code_challenge_methods_supported`).
   * Cause: The server lists other methods only, such as `plain`. Or it lists none, and the option `requirePkce` is set.
   * Cure: Ask the server operator to support S256 and to publish it. A server that lists nothing can be used without `requirePkce`.
   */
  | 'pkce_unsupported'
  /**
   * The server does not list a type of the `authorization_details`, so nothing was requested (RFC 9396 section 10).
   * Cause: The type is misspelled, or belongs to another server.
   * Cure: Use one of the types that the message names.
   */
  | 'authorization_details_unsupported'
  /**
   * The metadata of a protected resource does not cover the URL, or does not name the issuer (RFC 9728 section 3.3).
   * Cause: The URL or the issuer is wrong, or the resource pretends to be another one, or to belong to a larger one that does not confirm it.
   * Cure: Check the URL and the issuer. Do not send a token to this resource.
   */
  | 'resource_mismatch'
  /**
   * The authorization response is incomplete, repeats a parameter, or is not a URL.
   * Cause: The server is faulty, or only a part of the address was passed on.
   * Cure: Log in again, and pass the whole URL of the redirect.
   */
  | 'invalid_callback'
  /**
   * The authorization response does not have the `state` of this login.
   * Cause: The response belongs to another login, or an attacker made it.
   * Cure: Ignore the response and wait for the right one, or log in again.
   */
  | 'state_mismatch'
  /**
   * A user must log in, and the program can't ask one.
   * Cause: No usable token is stored, and there is no terminal, `CI` is set, or the option `interaction` is `never`.
   * Cure: Run the program once in a terminal, or use the client credentials of a service.
   */
  | 'login_required'
  /**
   * The user did not complete the login in time.
   * Cause: The user left, or the browser showed an error. The usual errors are a redirect URI that is not registered, an unknown scope, and a registered client that the server has forgotten.
   * Cure: Log in again. If the browser shows an error, correct the registration of the client or the scope. `forgetClient` of `@oa/manager` makes the next login register a new client.
   */
  | 'login_timeout'
  /**
   * A resource server refused a token that was issued seconds ago, so no other token was requested.
   * Cause: The token is for another API or tenant, or it lacks a scope, an audience or a role. Or the API does not accept tokens of this issuer.
   * Cure: Check the issuer, `scope`, `resource` and `audience` against what the API expects. Another token is requested again once this one is a minute old.
   */
  | 'token_rejected'
  /**
   * Two programs opened the start address of the login. The login has ended, and its code was not used.
   * Cause: Another program, perhaps of another user, read the address and opened it. Or the program that opens the browser requests the address itself.
   * Cure: Log in again. If it happens each time, name the browser in `BROWSER`, or set `openBrowser` to `false` and open the printed URL.
   */
  | 'login_intercepted'
  /**
   * No loopback port is available to receive the authorization response.
   * Cause: Another program uses the port, or the system does not allow this program to listen.
   * Cure: End the other program, or set the option `port` to another registered port.
   */
  | 'port_unavailable'
  /**
   * There is no client to log in with, and none can be registered.
   * Cause: No `client_id` was given, and the server does not register clients dynamically (no endpoint, or status 404, 405, 410 or 501), or refuses to register this one (status 401 or 403). Or the client has no redirect URI on a loopback host.
   * Cure: Register the program at the server by hand and pass its `client_id`. If the server supports client metadata documents, set `clientMetadata` instead. If its operator gives out an initial access token, set `initialAccessToken`.
   */
  | 'client_required'
  /**
   * Other users of the machine can read or write a cached token. The token is not used.
   * Cause: The file has wrong permissions, another owner or a second hard link, or another user can change a directory above it. A backup was restored without permissions, or the umask lets a group write.
   * Cure: Do what the message says, or log in: the new token replaces the file, unless it belongs to another user. If another user may have read the token, log out, so that the server revokes it.
   */
  | 'insecure_token_cache_permissions'
  /**
   * Other users of the machine can read or write a private file. The file is not used.
   * Cause: The file, its lock or a directory above it has wrong permissions or another owner, or the file has a second hard link.
   * Cure: Do what the message says. If another user may have read a secret, replace the secret.
   */
  | 'insecure_file_permissions'
  /**
   * A stored file or entry does not hold what was stored in it.
   * Cause: It was edited by hand, damaged by the disk, or written by another program.
   * Cure: Delete or move away what the message names. Then log in or register again.
   */
  | 'corrupt_file'
  /**
   * A newer version of the package wrote the file. It is neither read nor overwritten.
   * Cause: Two programs on this machine use different versions of the package.
   * Cure: Update this program, or give it a directory of its own.
   */
  | 'newer_file_format'
  /**
   * Values can't be stored or read.
   * Cause: There is no home directory, or `HOME` leads to that of another user, as after `sudo`. The file system is read-only, the disk is full, or the permissions are missing. Or the file can't be read at this moment, for example because the process has too many open files, or because the database or the keychain does not answer: `retryable` is then true.
   * Cure: Do what the message says: free some space, correct the permissions or the owner, run without `sudo`, pass another directory, or unlock the keychain. If `retryable` is true, try again.
   */
  | 'storage_unavailable'
  /**
   * A stored value can't be decrypted. It is kept as it is.
   * Cause: The encryption key is another one than the value was encrypted with, it is lost, or the value was changed or copied from another place.
   * Cure: Pass the key that the value was encrypted with, for example with `rotate` of `@oa/encryption`. If it is lost, log in again: the new token replaces the value.
   */
  | 'decryption_failed'
  /**
   * The lock of a shared store was lost while its holder worked, so the request was not sent, or the value was not written.
   * Cause: The process was stopped or blocked for longer than its lease, or the connection to the store broke. Another process may hold the lock now.
   * Cure: Try again: the call then finds what the other process has stored. If the error comes often, look for what blocks the event loop of the program.
   */
  | 'lock_lost'
  /**
   * Another process or call held the lock for the whole wait.
   * Cause: The holder waits for a slow server or for a user, its process is stopped, or another user has opened the lock file.
   * Cure: Try again later, or raise the timeout. If the holder hangs, end the process that the message helps to find.
   */
  | 'lock_timeout'
  /**
   * An earlier process sent a refresh request and could not store the answer. The refresh token is used, and the new one is lost.
   * Cause: The process was killed, the machine lost power, or the answer was lost on the way, and the server accepts each refresh token once.
   * Cure: Log in again.
   */
  | 'refresh_interrupted';
