import { assertPkceSupported, attempt, type AuthorizationServer } from '@oa/types';
import { findRemembered } from './client-check.ts';
import type { Context } from './context.ts';
import type { Credentials } from './credentials.ts';
import { isPkceRequired } from './discovery-option.ts';
import { storedIdentities } from './sessions.ts';
import { isAmong, resolveIssuer, toIssuer } from './target.ts';

/**
 * Chooses one of the authorization servers that a resource names: the one that a session is stored for, else one where the program has a client
 * or can get one.
 *
 * @param passOver issuers that can't serve the program
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-7.6
 */
export async function chooseIssuer(
  context: Context,
  named: readonly [string, ...string[]],
  credentials: Credentials,
  passOver: readonly string[] = [],
): Promise<string> {
  const [first] = named;
  if (named.length === 1) return first;
  const able = named.filter((issuer) => !isAmong(issuer, passOver));
  const withSession = await issuersWithSession(context, credentials);
  const stored = able.find((issuer) => isAmong(issuer, withSession));
  if (stored !== undefined || credentials.client_id !== undefined) return stored ?? first;
  for (const issuer of able) if (await hasClient(context, issuer)) return issuer;
  for (const issuer of able) if (await canHaveClient(context, issuer)) return issuer;
  return first;
}

/** The issuers of the stored tokens of the same client and profile. */
async function issuersWithSession(context: Context, credentials: Credentials): Promise<string[]> {
  const { profile } = credentials;
  const issuers: string[] = [];
  if (context.tokens.keys === undefined) return issuers;
  const search = async (): Promise<void> => {
    for await (const [, { issuer, client_id, profile: label }] of storedIdentities(context)) {
      const expected = credentials.client_id ?? context.ownClient(issuer)?.client_id;
      if (client_id === expected && label === profile) issuers.push(issuer);
    }
  };
  // A file that can't be read is reported when it is used.
  await attempt(search());
  return issuers;
}

async function hasClient(context: Context, issuer: string): Promise<boolean> {
  if (context.ownClient(issuer) !== undefined) return true;
  const found = await attempt((async () => findRemembered(await context.clients(), toIssuer(issuer)))());
  return found.ok && found.value.client !== undefined;
}

/** Whether the server publishes metadata, supports PKCE, and has a way for a program that it does not know. */
async function canHaveClient(context: Context, issuer: string): Promise<boolean> {
  const found = await attempt(readSupportingServer(context, issuer));
  if (!found.ok || found.value.guessed_after !== undefined) return false;
  const { registration_endpoint, client_id_metadata_document_supported } = found.value;
  const hasDocument = context.options.clientMetadata !== undefined && client_id_metadata_document_supported === true;
  return hasDocument || registration_endpoint !== undefined;
}

/** @throws {OAuthError} `pkce_unsupported`, where every login is refused; an error of the discovery */
async function readSupportingServer(context: Context, issuer: string): Promise<AuthorizationServer> {
  const server = await resolveIssuer(context, issuer, false).server();
  assertPkceSupported(server, { requirePkce: isPkceRequired(context.options, server) });
  return server;
}
