import { isObject, parseJson } from '@oa/mechanisms';
import type { Token } from '@oa/types';

/**
 * Whether an access token names one of the resources as its audience, as JSON Web Tokens do (RFC 9068 section 3). The signature is not checked:
 * the token comes from the server itself.
 *
 * @returns `undefined` if the token does not say what it is for
 */
export function isTokenFor({ access_token }: Token, resources: readonly string[] = []): boolean | undefined {
  const [, payload, signature] = access_token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  const claims = parseJson(Buffer.from(payload, 'base64url').toString());
  if (!isObject(claims) || claims['aud'] === undefined) return undefined;
  const audience = [claims['aud']].flat().map(withoutSlash);
  return resources.some((resource) => audience.includes(withoutSlash(resource)));
}

/** `https://api.example` and `https://api.example/` are one resource. */
function withoutSlash(resource: unknown): string {
  return String(resource).replace(/\/$/, '');
}
