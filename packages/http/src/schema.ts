import { isObject } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import type { BaseIssue } from 'valibot';
import { quoteAnswer } from './error.ts';
import { redact, redactShared } from './redact.ts';
import type { HttpResponse } from './request.ts';
import { responseName } from './response-name.ts';
import { secretsReceived, secretsSentFor } from './secrets.ts';

/** Enough to see what kind of answer it is. */
const MAX_SHOWN_NAMES = 10;
const MAX_SHOWN_CHARACTERS = 300;

/** Makes the `invalid_response` of JSON that a schema refuses, with path and expectation of one issue: the issues contain the whole input. */
export function toSchemaError(json: unknown, issue: BaseIssue<unknown>, response: HttpResponse): OAuthError {
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  // The names in a record are the server's.
  const member = redactShared(path, secretsSentFor(response)).slice(0, 100);
  const what = member === '' ? 'The answer' : `Member ${member}`;
  const problem =
    issue.path?.length === 1 && isUnset(issue.input) && isObject(json)
      ? `Member ${member} is missing; ${listMembers(json, response)}.${quoteAnswer(response, json)}`
      : `${what} ${issue.path !== undefined && issue.input === undefined ? 'is missing' : expectation(issue)}.`;
  return new OAuthError(
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
