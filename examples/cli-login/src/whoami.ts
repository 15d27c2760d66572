import type { ManagerOptions } from '@oa/manager';
import { readTarget, report } from './flags.ts';
import { personFetch } from './person-fetch.ts';

/** The program: asks the API who is logged in. */
export async function whoami(login?: ManagerOptions['login']): Promise<void> {
  try {
    const target = readTarget();
    const response = await personFetch(target, login)(target.api);
    console.log(`GET ${target.api} answered ${response.status}: ${await response.text()}`);
    if (!response.ok) process.exitCode = 1;
  } catch (error) {
    process.exitCode = report(error);
  }
}
