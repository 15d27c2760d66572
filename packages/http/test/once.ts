import { startProcess } from '@oa-internal/testing';

const program = new URL('scenarios/programs/once.ts', import.meta.url);

/** What a process printed of one GET: the answer, or the error with everything that a log can show of it. */
export interface PrintedOutcome {
  status?: number;
  text?: string;
  code?: string;
  message?: string;
  retryable?: boolean;
  sent?: boolean;
  inspected?: string;
}

/** Sends a GET from a process whose whole environment is `env`. */
export async function getOnce(url: string, env: Record<string, string> = {}): Promise<PrintedOutcome> {
  const { stdout, stderr } = await startProcess(program, { args: [url], env }).ended;
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as PrintedOutcome;
}
