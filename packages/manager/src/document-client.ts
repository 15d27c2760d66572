import type { AuthorizationServer, Client } from '@oa/types';
import { documentRedirectUris } from '@oa/types/rfc';
import type { Session } from './session.ts';

/** The client that the metadata document of the program describes. */
export interface DocumentClient {
  client: Client;
  /** Whether the server has not accepted the document lately. */
  isRefused: boolean;
}

/**
 * The client of the program's metadata document. It needs no registration.
 *
 * @returns `undefined` where there is no document, or the server does not support them
 */
export async function findDocumentClient(
  { context, issuer }: Session,
  server: AuthorizationServer,
): Promise<DocumentClient | undefined> {
  const { clientMetadata } = context.options;
  if (clientMetadata === undefined || server.client_id_metadata_document_supported !== true) return undefined;
  const { url, ports } = clientMetadata;
  const redirect_uris = documentRedirectUris(ports, 'options.clientMetadata.ports');
  const refused = await context.refusedDocuments();
  return {
    client: { client_id: url, redirect_uris, token_endpoint_auth_method: 'none' },
    isRefused: await refused.has(issuer, url),
  };
}

/** Other processes do not send the document to this server for a while either. */
export async function rememberRefusedDocument({ context, issuer }: Session, url: string): Promise<void> {
  context.emit({ type: 'metadata_document_refused', issuer, url });
  await (await context.refusedDocuments()).add(issuer, url);
}
