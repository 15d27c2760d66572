import { isObject } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import type { BaseIssue, GenericSchema } from 'valibot';
import { quoteAnswer } from './error.ts';
import { redact, redactShared } from './redact.ts';
import { responseName, secretsSentFor, type HttpResponse } from './request.ts';
import { secretsReceived } from './secrets.ts';

/** Enough to see what kind of answer it is. */
const MAX_SHOWN_NAMES = 10;
const MAX_SHOWN_CHARACTERS = 300;

/**
 * Checks the JSON of a response with a schema. The Standard Schema entry of the schema does the work, so that this package does not load valibot.
 *
 * @throws {OAuthError} `invalid_response`, with path and expectation of the first issue only: the issues contain the whole input
 * @throws {TypeError} if `schema` is asynchronous
 */
export function validateJson<T>(json: unknown, schema: GenericSchema<unknown, T>, response: HttpResponse): T {
  const result = schema['~standard'].validate(json);
  if (result instanceof Promise) throw new TypeError('schema must be synchronous.');
  if (result.issues === undefined) return result.value;
  // The issues are valibot's, and there is at least one.
  const [issue] = result.issues as unknown as [BaseIssue<unknown>];
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  // The names in a record are the server's.
  const member = redactShared(path, secretsSentFor(response)).slice(0, 100);
  const what = member === '' ? 'The answer' : `Member ${member}`;
  const problem =
    issue.path?.length === 1 && isUnset(issue.input) && isObject(json)
      ? `Member ${member} is missing; ${listMembers(json, response)}.${quoteAnswer(response, json)}`
      : `${what} ${issue.path !== undefined && issue.input === undefined ? 'is missing' : expectation(issue)}.`;
  throw new OAuthError(
    'invalid_response',
    `${responseName(response)} answered with JSON that the specification does not allow. ${problem}`,
  );
}

/** Servers write "not set" in these ways too. */
function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** Names the members that an answer has instead of the missing one: they show what kind of answer it is. */
function listMembers(json: Record<string, unknown>, response: HttpResponse): string {
  const names = Object.keys(json).filter((name) => !isUnset(json[name]));
  if (names.length === 0) return 'the answer is empty';
  const shown = names.slice(0, MAX_SHOWN_NAMES).join(', ').slice(0, MAX_SHOWN_CHARACTERS);
  const secrets = [...secretsSentFor(response), ...secretsReceived(json)];
  return `the answer has ${redact(shown, secrets)}${names.length > MAX_SHOWN_NAMES ? ' and more' : ''}`;
}

function expectation(issue: BaseIssue<unknown>): string {
  // A message that the author of a schema wrote is kept. The messages of valibot quote the input.
  if (!issue.message.includes(issue.received)) return issue.message;
  return issue.expected === null ? 'is not valid' : `must be ${issue.expected}`;
}
