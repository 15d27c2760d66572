// https://github.com/AzureAD/microsoft-authentication-library-for-js: msal-node with ProtocolMode.OIDC for a server that is not of
// Microsoft, and msal-node-extensions for the file.
import { ConfidentialClientApplication, ProtocolMode, PublicClientApplication } from '@azure/msal-node';
import { PersistenceCachePlugin, PersistenceCreator } from '@azure/msal-node-extensions';
import { openBrowser } from './login.js';

const scopes = ['read'];

function configure({ issuer }, clientSecret, cachePlugin) {
  const { host } = new URL(issuer);
  const authority = `https://${host}`;
  return {
    auth: {
      clientId: 'bench',
      clientSecret,
      authority,
      knownAuthorities: [host],
    },
    cache: { cachePlugin },
    system: { networkClient: createNetworkClient(authority), protocolMode: ProtocolMode.OIDC },
  };
}

/**
 * msal-node accepts only servers with https, and the server of the benchmark has no certificate. This client and `toPlain` let
 * msal-node believe that it has one.
 */
function createNetworkClient(authority) {
  const send = async (method, url, options) => {
    const response = await fetch(toPlain(url), { ...options, method });
    const text = (await response.text()).replaceAll(toPlain(authority), authority);
    return { headers: Object.fromEntries(response.headers), body: JSON.parse(text), status: response.status };
  };
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  };
}

function toPlain(url) {
  return url.replace('https:', 'http:');
}

async function createPublicClient(settings) {
  const persistence = await PersistenceCreator.createPersistence({
    cachePath: `${settings.directory}/cache.json`,
    serviceName: 'bench',
    accountName: 'bench',
    usePlaintextFileOnLinux: true,
  });
  return new PublicClientApplication(configure(settings, undefined, new PersistenceCachePlugin(persistence)));
}

async function acquireSilent(settings) {
  const client = await createPublicClient(settings);
  const [account] = await client.getTokenCache().getAllAccounts();
  await client.acquireTokenSilent({ account, scopes });
}

export async function cold(settings) {
  const client = new ConfidentialClientApplication(configure(settings, 'secret'));
  const { accessToken } = await client.acquireTokenByClientCredential({ scopes });
  await (await fetch(settings.api, { headers: { authorization: `Bearer ${accessToken}` } })).text();
}

export const fresh = acquireSilent;

export async function get(settings) {
  const client = new ConfidentialClientApplication(configure(settings, 'secret'));
  return () => client.acquireTokenByClientCredential({ scopes });
}

export function grant(settings) {
  const client = new ConfidentialClientApplication(configure(settings, 'secret'));
  return () => client.acquireTokenByClientCredential({ scopes, skipCache: true });
}

export async function login(settings) {
  const client = await createPublicClient(settings);
  await client.acquireTokenInteractive({ scopes, openBrowser: async (url) => openBrowser(toPlain(url)) });
}

export const refresh = acquireSilent;
