import { readPlatformVariable } from './environment.ts';

/** A platform that gives tokens to the programs that run on it. */
export interface FoundPlatform {
  platform: 'github_actions' | 'azure_pipelines' | 'token_file' | 'azure_managed_identity' | 'gcp_metadata';
  /** The environment variable or the file that shows it. */
  evidence: string;
  /** What the variable or the file has. It can be a secret. */
  value: string;
}

const FIRMWARE_DIRECTORY = '/sys/class/dmi/id';
/** Every virtual machine of Azure has it, and no other machine. */
const AZURE_ASSET_TAG = '7783-7084-3265-9085-8269-3286-77';
const FILE_VARIABLES = ['AZURE_FEDERATED_TOKEN_FILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'];
const GOOGLE_VARIABLES = ['GCE_METADATA_HOST', 'K_SERVICE', 'CLOUD_RUN_JOB', 'GAE_SERVICE'];

/**
 * Finds the platform by the environment, and by what the firmware of a virtual machine says of itself. No request is sent.
 *
 * A CI job comes first: a file or a cloud would be the identity of its runner.
 *
 * @param directory where Linux shows the firmware
 */
export function findPlatform(directory: string = FIRMWARE_DIRECTORY): FoundPlatform | undefined {
  return findJob() ?? findFile() ?? findApp() ?? findGoogle(directory) ?? findAzureMachine(directory);
}

function findJob(): FoundPlatform | undefined {
  const found = firstVariable('github_actions', ['ACTIONS_ID_TOKEN_REQUEST_URL', 'GITHUB_ACTIONS']);
  // The second variable says whether this is a job. The first one has an address.
  const isJob = found !== undefined && (found.evidence !== 'GITHUB_ACTIONS' || found.value === 'true');
  return isJob ? found : firstVariable('azure_pipelines', ['SYSTEM_OIDCREQUESTURI']);
}

function findFile(): FoundPlatform | undefined {
  return firstVariable('token_file', FILE_VARIABLES);
}

function findApp(): FoundPlatform | undefined {
  if (readPlatformVariable('IDENTITY_HEADER') === undefined) return undefined;
  return firstVariable('azure_managed_identity', ['IDENTITY_ENDPOINT']);
}

function findGoogle(directory: string): FoundPlatform | undefined {
  const found = firstVariable('gcp_metadata', GOOGLE_VARIABLES);
  if (found !== undefined) return found;
  const evidence = `${directory}/product_name`;
  const value = readFirmware(evidence);
  return /^Google\b/.test(value) ? { platform: 'gcp_metadata', evidence, value } : undefined;
}

function findAzureMachine(directory: string): FoundPlatform | undefined {
  const evidence = `${directory}/chassis_asset_tag`;
  const value = readFirmware(evidence);
  if (value !== AZURE_ASSET_TAG || readPlatformVariable('KUBERNETES_SERVICE_HOST') !== undefined) return undefined;
  return { platform: 'azure_managed_identity', evidence, value };
}

function firstVariable(platform: FoundPlatform['platform'], names: readonly string[]): FoundPlatform | undefined {
  for (const evidence of names) {
    const value = readPlatformVariable(evidence);
    if (value !== undefined) return { platform, evidence, value };
  }
  return undefined;
}

/** The text is empty where there is no such file: on another system, or on a machine without this kind of firmware. */
function readFirmware(path: string): string {
  try {
    return process.getBuiltinModule('node:fs').readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
