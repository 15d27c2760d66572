/**
 * The response of the device authorization endpoint, with every member that the server sent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-3.2
 */
export interface DeviceAuthorization {
  /** The secret of this program. It is never shown. */
  device_code: string;
  /** The code that the user enters or compares. */
  user_code: string;
  /** Where the user enters the code. */
  verification_uri: string;
  /** The same address with the user code in it. */
  verification_uri_complete?: string;
  /** The lifetime in seconds, counted from the response. */
  expires_in: number;
  /** Seconds between two polls. Where the server names none, 5. */
  interval: number;
  [member: string]: unknown;
}

/** A device login that waits for the user. */
export interface DeviceLogin extends DeviceAuthorization {
  /** When the code expires, in seconds since the epoch. */
  expires_at: number;
  /** The scopes that were asked for. The token has them, if the server names none (RFC 6749 section 5.1). */
  scope?: string;
}
