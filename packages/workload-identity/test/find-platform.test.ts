import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findPlatform } from '../src/find-platform.ts';
import { stubPlatform } from './platform.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
  stubPlatform();
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  vi.unstubAllEnvs();
});

const AZURE_TAG = '7783-7084-3265-9085-8269-3286-77';

/** Writes what the firmware of a virtual machine says of itself. */
function writeFirmware(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), `${text}\n`);
}

it('finds nothing on a machine without evidence, and on one of another vendor', () => {
  expect(findPlatform(join(directory, 'missing'))).toBeUndefined();
  writeFirmware({ product_name: 'Googlebook 3', chassis_asset_tag: 'none' });
  expect(findPlatform(directory)).toBeUndefined();
});

it('finds each platform before all that come after it in the documented order', () => {
  const evidence: [string, string, string][] = [
    ['ACTIONS_ID_TOKEN_REQUEST_URL', 'https://github.example', 'github_actions'],
    ['GITHUB_ACTIONS', 'true', 'github_actions'],
    ['SYSTEM_OIDCREQUESTURI', 'https://dev.azure.example', 'azure_pipelines'],
    ['AZURE_FEDERATED_TOKEN_FILE', '/token', 'token_file'],
    ['AWS_WEB_IDENTITY_TOKEN_FILE', '/token', 'token_file'],
    ['IDENTITY_ENDPOINT', 'http://127.0.0.1', 'azure_managed_identity'],
    ['GCE_METADATA_HOST', '127.0.0.1', 'gcp_metadata'],
    ['K_SERVICE', 'my-service', 'gcp_metadata'],
    ['CLOUD_RUN_JOB', 'my-job', 'gcp_metadata'],
    ['GAE_SERVICE', 'default', 'gcp_metadata'],
  ];
  writeFirmware({ product_name: 'Google Compute Engine', chassis_asset_tag: AZURE_TAG });
  vi.stubEnv('IDENTITY_HEADER', 'secret');
  for (const [name, value, platform] of evidence.toReversed()) {
    vi.stubEnv(name, value);
    expect(findPlatform(directory)).toEqual({ platform, evidence: name, value });
  }
});

it('finds a machine of Google, then one of Azure, by the firmware', () => {
  writeFirmware({ chassis_asset_tag: AZURE_TAG });
  const evidence = join(directory, 'chassis_asset_tag');
  expect(findPlatform(directory)).toEqual({ platform: 'azure_managed_identity', evidence, value: AZURE_TAG });
  writeFirmware({ product_name: 'Google' });
  expect(findPlatform(directory)).toMatchObject({
    platform: 'gcp_metadata',
    evidence: join(directory, 'product_name'),
  });
});

it('does not take the identity of an Azure node for that of a pod', () => {
  writeFirmware({ chassis_asset_tag: AZURE_TAG });
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1');
  expect(findPlatform(directory)).toBeUndefined();
  writeFirmware({ product_name: 'Google Compute Engine' });
  expect(findPlatform(directory)?.platform).toBe('gcp_metadata');
});

it.each([
  [{ GITHUB_ACTIONS: 'false' }],
  [{ IDENTITY_ENDPOINT: 'http://127.0.0.1' }],
  [{ IDENTITY_HEADER: 'secret' }],
  [{ K_SERVICE: '' }],
])('takes %j for no evidence', (variables) => {
  stubPlatform(variables);
  expect(findPlatform(directory)).toBeUndefined();
});

it('goes on where the firmware can not be read', () => {
  mkdirSync(join(directory, 'product_name'));
  writeFirmware({ chassis_asset_tag: AZURE_TAG });
  expect(findPlatform(directory)?.platform).toBe('azure_managed_identity');
});
