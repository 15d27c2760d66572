import { SignJWT } from 'jose';
import { vi } from 'vitest';

/** The variables by which the sources find a platform. */
const VARIABLES = [
  'ACTIONS_ID_TOKEN_REQUEST_URL',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
  'GITHUB_ACTIONS',
  'SYSTEM_OIDCREQUESTURI',
  'SYSTEM_ACCESSTOKEN',
  'AZURE_FEDERATED_TOKEN_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'IDENTITY_ENDPOINT',
  'IDENTITY_HEADER',
  'AZURE_POD_IDENTITY_AUTHORITY_HOST',
  'GCE_METADATA_HOST',
  'K_SERVICE',
  'CLOUD_RUN_JOB',
  'GAE_SERVICE',
  'KUBERNETES_SERVICE_HOST',
  'GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE',
];

/** Sets the environment of a platform: the given variables, and no other ones. The caller restores it with `vi.unstubAllEnvs()`. */
export function stubPlatform(variables: Record<string, string> = {}): void {
  for (const name of VARIABLES) vi.stubEnv(name, variables[name]);
}

/** Seconds since the epoch, some seconds from now. */
export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** Makes a JWT that is valid for an hour. */
export async function makeJwt(claims: Record<string, unknown> = {}): Promise<string> {
  const key = new Uint8Array(32).fill(7);
  return new SignJWT({ sub: 'my-workload', exp: secondsFromNow(3600), ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(key);
}
