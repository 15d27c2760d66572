import { OAuthError } from '@oa/types';
import type { BaseIssue, GenericSchema } from 'valibot';

/**
 * Checks JSON with a schema. The Standard Schema entry of the schema does the work, so that this package does not load valibot.
 *
 * @throws {OAuthError} `invalid_response`, with path and expectation of the first issue only: the issues contain the whole input
 * @throws {TypeError} if `schema` is asynchronous
 */
export function validateJson<T>(json: unknown, schema: GenericSchema<unknown, T>, name: string): T {
  const result = schema['~standard'].validate(json);
  if (result instanceof Promise) throw new TypeError('schema must be synchronous.');
  if (result.issues === undefined) return result.value;
  // The issues are valibot's, and there is at least one.
  const [issue] = result.issues as unknown as [BaseIssue<unknown>];
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  const what = path === '' ? 'The answer' : `Member ${path.slice(0, 100)}`;
  throw new OAuthError(
    'invalid_response',
    `${name} answered with JSON that the specification does not allow. ${what} ${expectation(issue)}.`,
  );
}

function expectation(issue: BaseIssue<unknown>): string {
  // A message that the author of a schema wrote is kept. The messages of valibot quote the input.
  if (!issue.message.includes(issue.received)) return issue.message;
  return issue.expected === null ? 'is not valid' : `must be ${issue.expected}`;
}
