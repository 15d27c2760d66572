import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';

const { OA_ISSUER = '', OA_CLIENT_ID = '', OA_CLIENT_SECRET = '', OA_API = '' } = process.env;

// Made once for each instance: a warm start has the token in memory.
const manager = createManager({
  // Made with mode 0700. A cold start in an instance whose `/tmp` is kept needs no request.
  cache: fileTokenCache({ directory: join(tmpdir(), 'my-function', 'tokens') }),
  interaction: 'never',
  // An instance is frozen when the handler returns. No request may be under way in the background then.
  leeway: 0,
  onEvent: ({ type }) => console.error(type),
});

export async function handler(): Promise<{ statusCode: number; body: string }> {
  const credentials = { client_id: OA_CLIENT_ID, client_secret: OA_CLIENT_SECRET, scope: 'read' };
  const result = await manager.get(OA_ISSUER, credentials, { minimumValidity: 60_000 });
  if (!result.ok) return { statusCode: result.error.retryable ? 503 : 500, body: result.error.code };
  const response = await fetch(OA_API, { headers: { authorization: `Bearer ${result.value.access_token}` } });
  return { statusCode: response.status, body: await response.text() };
}
