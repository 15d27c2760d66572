import type { AssertionSource } from '@oa/types';
import { azureManagedIdentity } from './azure-managed-identity.ts';
import { azurePipelines } from './azure-pipelines.ts';
import { fileToken } from './file-token.ts';
import { gcpMetadata } from './gcp-metadata.ts';
import { githubActions } from './github-actions.ts';
import type { PlatformOptions } from './options.ts';
import { noAssertion } from './ready-assertion.ts';
import { findPlatform, type FoundPlatform } from './find-platform.ts';

/**
 * Makes a source that finds out which platform the program runs on, and asks that one. The event `workload_found` names it. The first of these
 * counts, and no other one is tried after an error:
 *
 * 1. GitHub Actions: `GITHUB_ACTIONS` is `true`, or `ACTIONS_ID_TOKEN_REQUEST_URL` is set.
 * 2. Azure Pipelines: `SYSTEM_OIDCREQUESTURI` is set.
 * 3. A token file: `AZURE_FEDERATED_TOKEN_FILE`, then `AWS_WEB_IDENTITY_TOKEN_FILE`.
 * 4. The managed identity of an Azure app: `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` are set.
 * 5. Google Cloud: `GCE_METADATA_HOST`, `K_SERVICE`, `CLOUD_RUN_JOB` or `GAE_SERVICE` is set, or the firmware names Google.
 * 6. A virtual machine of Azure: the firmware says so. In Kubernetes this does not count, since the identity would be that of the node.
 *
 * @param options those of a network call, and `audience`: that of the token where the platform lets the program choose it, by default that of
 *   the request
 * @throws {TypeError} if `options.audience` is not a non-empty string, or `options.timeout` is wrong
 * @example
 * const source = workload({ onEvent: (event) => console.error(event) });
 * const assertion = await source({ audience: 'https://as.example' });
 */
export function workload(options: PlatformOptions & { audience?: string | undefined } = {}): AssertionSource {
  const { onEvent } = options;
  // Each of them checks the options at once, and reads the environment later.
  const sources: Record<FoundPlatform['platform'], (value: string) => AssertionSource> = {
    github_actions: constant(githubActions(options)),
    azure_pipelines: constant(azurePipelines(options)),
    token_file: (file) => fileToken(file, options),
    azure_managed_identity: constant(azureManagedIdentity(options)),
    gcp_metadata: constant(gcpMetadata(options)),
  };
  return async (request) => {
    request.signal?.throwIfAborted();
    const found = findPlatform();
    if (found === undefined)
      throw noAssertion(
        'No platform was found that gives this program a token: no CI job, no token file, no Azure, no Google Cloud. ' +
          'In Kubernetes, mount a projected service account token with the audience of the server, and use fileToken. Else use the source of the platform, such as envToken or execToken.',
      );
    const { platform, evidence, value } = found;
    onEvent?.({ type: 'workload_found', platform, evidence });
    return sources[platform](value)(request);
  };
}

function constant<T>(value: T): () => T {
  return () => value;
}
