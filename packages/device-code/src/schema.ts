import * as v from 'valibot';
import type { DeviceAuthorization } from './start.ts';

/** Seconds. RFC 8628 section 3.2: 5 where the server does not say, or says nothing useful. */
const DEFAULT_INTERVAL = 5;
/** Seconds. Less is a mistake, or a server that wants to keep its clients busy. */
const SHORTEST_INTERVAL = 1;

const number = v.union([
  v.pipe(v.number(), v.finite()),
  v.pipe(v.string(), v.regex(/^\s*\d{1,9}(\.\d+)?\s*$/), v.transform(Number)),
]);
/** A terminal shows it, so nothing that a terminal obeys. */
const printable = v.pipe(v.string(), v.regex(/^[^\p{Cc}\p{Cf}]+$/u, 'must be printable text'));
const uri = v.pipe(
  printable,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http(s) URL'),
);

/** RFC 8628 section 3.2. */
export const deviceLoginSchema: v.GenericSchema<unknown, DeviceAuthorization> = v.pipe(
  v.custom<Record<string, unknown>>(
    (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
    'must be a JSON object',
  ),
  v.transform(tolerated),
  v.looseObject({
    device_code: v.pipe(v.string(), v.nonEmpty('must not be empty')),
    user_code: printable,
    verification_uri: uri,
    verification_uri_complete: v.exactOptional(uri),
    expires_in: v.pipe(number, v.minValue(1, 'must be a number of seconds')),
    interval: number,
  }),
);

/** Drafts of RFC 8628, and Google to this day, say `verification_url`. An optional member that is useless counts as absent. */
function tolerated(input: Record<string, unknown>): Record<string, unknown> {
  const { verification_uri_complete: complete, interval, ...rest } = input;
  const seconds = Number(interval);
  return {
    ...rest,
    verification_uri: input['verification_uri'] ?? input['verification_url'],
    ...(v.is(uri, complete) && { verification_uri_complete: complete }),
    interval: seconds >= SHORTEST_INTERVAL && Number.isFinite(seconds) ? seconds : DEFAULT_INTERVAL,
  };
}
