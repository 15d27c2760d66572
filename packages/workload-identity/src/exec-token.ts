import type { AssertionSource } from '@oa/types';
import { assertText, assertWaitingTime, audienceOf } from './arguments.ts';
import { readPlatformVariable } from './environment.ts';
import { parseExecutableResponse } from './executable-response.ts';
import { noAssertion, readyAssertion } from './ready-assertion.ts';
import { runProgram, shownName, type Command } from './run-program.ts';

const DEFAULT_PROGRAM_TIMEOUT_MS = 30_000;
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';

/** The options of {@link execToken}. */
export interface ExecTokenOptions {
  /**
   * What the program prints. `raw`: the assertion. `google`: the JSON of the executable-sourced credentials of Google. The program then gets
   * the audience of the request in `GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE`.
   *
   * @default 'raw'
   */
  format?: 'raw' | 'google' | undefined;
  /**
   * Milliseconds for the program, after which it is killed.
   *
   * @default 30_000
   */
  timeout?: number | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  now?: (() => number) | undefined;
}

/**
 * Makes a source that runs a program for each request, and reads the assertion from its output. No shell is involved. The program gets no
 * input, its error output is dropped, and it may print at most 64 KiB. An abort and the timeout kill it with all processes that it started.
 *
 * @param command the program and its arguments. A program without a slash is searched in `PATH`.
 * @throws {TypeError} if `command` is not an array of strings with a program, or an option is wrong
 * @see https://docs.cloud.google.com/iam/docs/workload-identity-federation-with-other-providers#executable-sourced_credentials
 * @example
 * const source = execToken(['gcloud', 'auth', 'print-identity-token', '--audiences=https://as.example']);
 */
export function execToken(command: readonly string[], options: ExecTokenOptions = {}): AssertionSource {
  const { format = 'raw', timeout = DEFAULT_PROGRAM_TIMEOUT_MS, now = Date.now } = options;
  assertCommand(command);
  if (format !== 'raw' && format !== 'google') throw new TypeError("options.format must be 'raw' or 'google'.");
  assertWaitingTime(timeout);
  // Later changes of the array have no effect.
  const [program, ...args]: Command = command;
  const name = shownName(program);
  return async (request) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const env = format === 'google' ? googleVariables(audienceOf(request, undefined)) : {};
    const { code, output } = await runProgram([program, ...args], { env, timeout, signal });
    const origin = {
      name: `The token of the ${name}`,
      cure: 'Run the program yourself to see what it prints.',
      renews: true,
    };
    // With an error the JSON says why the program has no token, whatever its exit status.
    const text = format === 'google' ? parseExecutableResponse(output, code, { origin, program: name, now }) : output;
    if (code !== 0) throw noAssertion(`The ${name} ended with the status ${code}. ${origin.cure}`);
    return readyAssertion(text, origin, now);
  };
}

function assertCommand(command: unknown): asserts command is Command {
  if (!Array.isArray(command) || !command.every((part) => typeof part === 'string' && !part.includes('\0')))
    throw new TypeError(
      'The command must be an array of strings without null characters: the program, then its arguments.',
    );
  assertText(command[0], 'The program, the first string of the command,');
}

/** The variables that the programs of Google expect. They do not ask a user. */
function googleVariables(audience: string): Record<string, string> {
  return {
    GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE: audience,
    GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE: readPlatformVariable('GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE') ?? JWT_TYPE,
    GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE: '0',
  };
}
