import { createFetch } from '@oa/fetch';
import { createManager } from '@oa/manager';
import { isOAuthError } from '@oa/types';
import { fileToken } from '@oa/workload-identity';

const { OA_ISSUER = '', OA_CLIENT_ID, OA_TOKEN_FILE = '/var/run/secrets/tokens/token', OA_API = '' } = process.env;

const manager = createManager({
  cache: new Map(), // In memory: the disk of the pod may be read-only.
  interaction: 'never',
});
const source = manager.source(OA_ISSUER, {
  grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  assertion: fileToken(OA_TOKEN_FILE), // Reads the file for each grant: the kubelet renews it.
  subject: 'report', // A label for the cache, which is not sent.
  client_id: OA_CLIENT_ID,
});
const api = createFetch(source, { origins: [new URL(OA_API).origin] });

try {
  for (const path of process.argv.slice(2)) {
    const response = await api(`${OA_API}/${path}`);
    console.log(`${path}: ${response.status}`);
    if (!response.ok) process.exitCode = 1;
  }
} catch (error) {
  // Another exit code than 0 lets Kubernetes start the job again, up to `backoffLimit`.
  console.error(isOAuthError(error) ? `${error.code}: ${error.message}` : 'The API cannot be reached.');
  process.exitCode = 1;
}
