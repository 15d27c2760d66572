/**
 * The limits of each package in bytes, a little above its sizes of today: the tarball that npm downloads, and the bundle of the whole package
 * with all its dependencies, minified and compressed with gzip.
 */
export const MAX_PACKAGE_BYTES: Record<string, { tarball: number; bundle: number }> = {
  'assertion-grants': { tarball: 14_300, bundle: 36_000 },
  'client-authentication': { tarball: 26_000, bundle: 9_000 },
  'client-credentials': { tarball: 5_000, bundle: 31_000 },
  'client-store': { tarball: 17_900, bundle: 15_600 },
  'device-code': { tarball: 9_500, bundle: 40_000 },
  discovery: { tarball: 24_000, bundle: 40_100 },
  dpop: { tarball: 12_000, bundle: 9_000 },
  encryption: { tarball: 7_400, bundle: 3_000 },
  fetch: { tarball: 12_500, bundle: 10_000 },
  http: { tarball: 28_100, bundle: 22_000 },
  identity: { tarball: 14_500, bundle: 36_000 },
  keychain: { tarball: 16_000, bundle: 16_000 },
  loopback: { tarball: 45_000, bundle: 63_800 },
  manager: { tarball: 75_500, bundle: 133_500 },
  mechanisms: { tarball: 14_800, bundle: 4_300 },
  opentelemetry: { tarball: 8_000, bundle: 4_600 },
  pkce: { tarball: 11_900, bundle: 35_800 },
  'private-file': { tarball: 28_000, bundle: 10_500 },
  registration: { tarball: 11_700, bundle: 27_200 },
  'shared-store': { tarball: 9_000, bundle: 20_000 },
  'store-contract': { tarball: 17_100, bundle: 9_500 },
  'store-postgres': { tarball: 21_200, bundle: 26_000 },
  'store-redis': { tarball: 14_700, bundle: 24_000 },
  'token-cache': { tarball: 21_000, bundle: 19_200 },
  'token-endpoint': { tarball: 17_300, bundle: 33_100 },
  types: { tarball: 37_700, bundle: 7_700 },
  'workload-identity': { tarball: 23_500, bundle: 34_900 },
};

/**
 * What a web application bundles of `@oa/pkce`, minified and compressed with gzip, ky and valibot included. `login` is what a successful login loads
 * in a browser, and `loginWithErrors` all files: also the texts for a refusal of the server, those for Node.js, and the signatures of clients with a key.
 */
export const MAX_BROWSER_BYTES = { createPkce: 1_000, login: 24_000, loginWithErrors: 37_800 };

/** What `@oa/client-authentication` loads at once, without its siblings, minified and compressed with gzip. It has no third party. */
export const MAX_AUTHENTICATION_BYTES = 3_000;

/** What an install brings besides packages of the family. */
export const MAX_THIRD_PARTY_PACKAGES: Record<string, number> = { '@oa/pkce': 2, '@oa/manager': 15 };
