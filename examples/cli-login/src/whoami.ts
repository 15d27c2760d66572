import type { ManagerOptions } from '@oa/manager';
import { readTarget, report } from './flags.ts';
import { createUserFetch } from './user-fetch.ts';

/** The program: asks the API which user is logged in. */
export async function whoami(login?: ManagerOptions['login']): Promise<void> {
  try {
    const target = readTarget();
    const response = await createUserFetch(target, login)(target.api);
    console.log(`GET ${target.api} answered ${response.status}: ${await response.text()}`);
    if (!response.ok) process.exitCode = 1;
  } catch (error) {
    process.exitCode = report(error);
  }
}
