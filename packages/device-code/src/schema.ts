import { isObject } from '@oa/mechanisms';
import { isSecureUrl } from '@oa/types';
import { secondsSchema } from '@oa/types/schemas';
import * as v from 'valibot';
import type { DeviceAuthorization } from './device-login.ts';

/** RFC 8628 section 3.2: where the server names no interval, or a useless one. */
const DEFAULT_INTERVAL_SECONDS = 5;
/** A shorter interval is a mistake of the server, or keeps its clients busy. */
const MIN_INTERVAL_SECONDS = 1;

/** A user types the code. */
const MAX_USER_CODE_CHARACTERS = 100;
/** A user types the URL, or compares its host. */
const MAX_VERIFICATION_URI_CHARACTERS = 300;

/** A terminal shows this text, so it must not hold line breaks, control or format characters. */
const printableText = v.pipe(v.string(), v.regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'must be printable text'));
const verificationUrl = v.pipe(
  printableText,
  v.maxLength(MAX_VERIFICATION_URI_CHARACTERS, 'must have at most 300 characters'),
  v.check(isVerificationUrl, 'must be an https URL without a user name'),
);

/** RFC 8628 section 3.2. */
export const deviceAuthorizationSchema: v.GenericSchema<unknown, DeviceAuthorization> = v.pipe(
  v.custom<Record<string, unknown>>(isObject, 'must be a JSON object'),
  v.transform(normalizeMembers),
  v.looseObject({
    device_code: v.pipe(v.string(), v.nonEmpty('must not be empty')),
    user_code: v.pipe(printableText, v.maxLength(MAX_USER_CODE_CHARACTERS, 'must have at most 100 characters')),
    verification_uri: verificationUrl,
    verification_uri_complete: v.exactOptional(verificationUrl),
    expires_in: v.pipe(secondsSchema, v.minValue(1, 'must be a number of seconds')),
    interval: secondsSchema,
  }),
);

/** A user name before the host would look like the host. */
function isVerificationUrl(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && isSecureUrl(url) && url.username === '' && url.password === '';
}

/** Drafts of RFC 8628 named it `verification_url`, and Google still does. A useless optional member counts as absent. */
function normalizeMembers(input: Record<string, unknown>): Record<string, unknown> {
  const { verification_uri_complete: complete, interval, ...rest } = input;
  const seconds = Number(interval);
  return {
    ...rest,
    verification_uri: input['verification_uri'] ?? input['verification_url'],
    ...(v.is(verificationUrl, complete) && { verification_uri_complete: complete }),
    interval: seconds >= MIN_INTERVAL_SECONDS && Number.isFinite(seconds) ? seconds : DEFAULT_INTERVAL_SECONDS,
  };
}
