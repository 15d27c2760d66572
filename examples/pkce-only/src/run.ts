import type { LoginOptions } from '@oa/loopback';
import { readTarget, report } from './flags.ts';
import { logIn } from './log-in.ts';

/** The program: logs in, and calls the API if `--api` names one. */
export async function run(options?: LoginOptions): Promise<void> {
  try {
    const target = readTarget();
    const { access_token, token_type, expires_in, scope } = await logIn(target, options);
    console.log(
      `Logged in: ${token_type} token, scope ${scope ?? 'unknown'}, valid for ${expires_in ?? 'an unknown number of'} seconds.`,
    );
    if (target.api === undefined) return;
    const response = await fetch(target.api, { headers: { authorization: `Bearer ${access_token}` } });
    console.log(`GET ${target.api} answered ${response.status}: ${await response.text()}`);
    if (!response.ok) process.exitCode = 1;
  } catch (error) {
    process.exitCode = report(error);
  }
}
