import { isObject } from '@oa/mechanisms';
import { secondsSchema } from '@oa/types/schemas';
import * as v from 'valibot';
import type { DeviceAuthorization } from './device-login.ts';

/** RFC 8628 section 3.2: where the server names no interval, or a useless one. */
const DEFAULT_INTERVAL_SECONDS = 5;
/** A shorter interval is a mistake of the server, or keeps its clients busy. */
const MIN_INTERVAL_SECONDS = 1;

/** A terminal shows this text, so it must not hold control or format characters. */
const printableText = v.pipe(v.string(), v.regex(/^[^\p{Cc}\p{Cf}]+$/u, 'must be printable text'));
const verificationUrl = v.pipe(
  printableText,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http(s) URL'),
);

/** RFC 8628 section 3.2. */
export const deviceAuthorizationSchema: v.GenericSchema<unknown, DeviceAuthorization> = v.pipe(
  v.custom<Record<string, unknown>>(isObject, 'must be a JSON object'),
  v.transform(normalizeMembers),
  v.looseObject({
    device_code: v.pipe(v.string(), v.nonEmpty('must not be empty')),
    user_code: printableText,
    verification_uri: verificationUrl,
    verification_uri_complete: v.exactOptional(verificationUrl),
    expires_in: v.pipe(secondsSchema, v.minValue(1, 'must be a number of seconds')),
    interval: secondsSchema,
  }),
);

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
