import { isOAuthError, parseOAuthError } from '@oa/types';

/** What a case asks a peer to do. */
export interface PeerRequest {
  id: number;
  action: string;
  args: readonly unknown[];
}

/** What a peer answers. */
export type PeerAnswer = { id: number; value: unknown } | { id: number; failure: SentFailure };

/** An error on its way to another process. Errors of a class do not keep it there. */
export interface SentFailure {
  /** Of the OAuthError, if it is one. */
  record?: object;
  name: string;
  message: string;
}

/** Makes what can be sent of an error. */
export function toSentFailure(error: unknown): SentFailure {
  if (isOAuthError(error)) return { record: error.toJSON(), name: error.name, message: error.message };
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) };
}

/** Makes the error that was sent. */
export function toFailure({ record, name, message }: SentFailure): Error {
  return parseOAuthError(record) ?? Object.assign(new Error(message), { name });
}
