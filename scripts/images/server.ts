/** The authorization server of the pictures. No request leaves the machine: its answers come from the option `fetch`. */
export const ISSUER = 'https://login.example.com';

export const METADATA = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
};

/** Answers like the server. */
export async function answer(input: string | URL | Request): Promise<Response> {
  const { pathname } = new URL(input instanceof Request ? input.url : input);
  if (pathname === '/token') return Response.json({ access_token: 'secret', token_type: 'Bearer', expires_in: 28_800 });
  return pathname.includes('oauth-authorization-server')
    ? Response.json(METADATA)
    : new Response(null, { status: 404 });
}

/** The address that the server sends the browser back to. */
export function callbackOf(
  authorizationUrl: string,
  parameters: Record<string, string> = { code: 'SplxlOBeZQQYbYS6WxSbIA' },
): string {
  const requested = new URL(authorizationUrl).searchParams;
  const url = new URL(requested.get('redirect_uri') ?? '');
  url.search = String(new URLSearchParams({ ...parameters, state: requested.get('state') ?? '' }));
  return url.href;
}
