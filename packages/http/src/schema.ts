import { OAuthError } from '@oa/types';
import type { BaseIssue, GenericSchema } from 'valibot';

/**
 * `json` as `schema` takes it. Of a failure only path and expectation are kept: valibot's issues hold the whole input. The schema's
 * own Standard Schema entry does the work, so that this package does not load valibot.
 */
export function validated<T>(json: unknown, schema: GenericSchema<unknown, T>, url: string): T {
  const result = schema['~standard'].validate(json);
  if (result instanceof Promise) throw new TypeError('schema must be synchronous');
  if (result.issues === undefined) return result.value;
  // valibot's issues, of which there is at least one.
  const [issue] = result.issues as unknown as [BaseIssue<unknown>];
  const where = (issue.path ?? []).map((item) => String(item.key)).join('.');
  const what = where === '' ? 'The answer' : `Member ${where.slice(0, 100)}`;
  throw new OAuthError(
    'invalid_response',
    `${url} answered JSON that the specification does not allow. ${what} ${expectation(issue)}.`,
  );
}

function expectation(issue: BaseIssue<unknown>): string {
  // A message that a schema's author wrote is kept; valibot's own messages quote what was received.
  if (!issue.message.includes(issue.received)) return issue.message;
  return issue.expected === null ? 'is not valid' : `must be ${issue.expected}`;
}
