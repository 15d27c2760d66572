// https://github.com/sindresorhus/ky#readme
import ky from 'ky';

const CLIENT = { client_id: 'bench', client_secret: 'secret' };

function requestToken(endpoint) {
  return ky.post(endpoint, { body: new URLSearchParams({ grant_type: 'client_credentials', ...CLIENT }) }).json();
}

export async function cold({ issuer, api }) {
  const { token_endpoint } = await ky(`${issuer}/.well-known/oauth-authorization-server`).json();
  const { access_token } = await requestToken(token_endpoint);
  await ky(api, { headers: { authorization: `Bearer ${access_token}` } }).text();
}

export function grant({ tokenEndpoint }) {
  return () => requestToken(tokenEndpoint);
}
