import type { FileHandle } from 'node:fs/promises';
import { abortable } from '@oa/mechanisms';
import { isOAuthError, type AssertionSource, type OAuthError } from '@oa/types';
import { assertText } from './arguments.ts';
import { assertionTooLarge, MAX_ASSERTION_BYTES, noAssertion, readyAssertion } from './ready-assertion.ts';

const MOUNT_CURE =
  'In Kubernetes, mount a projected service account token with the audience of the server (a volume with the source `serviceAccountToken`).';
const RENEW_CURE =
  'The program that writes the file must renew it: the kubelet for a projected token, a SPIFFE helper for an SVID.';
const RETRYABLE_CODES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EIO', 'ESTALE', 'EAGAIN', 'EBUSY']);

/**
 * Makes a source that reads an assertion from a file: a projected token of a Kubernetes service account, a SPIFFE JWT-SVID, or the file of any
 * other program that keeps it fresh. The file is read again for each request.
 *
 * @param path the file. Its token must be meant for the audience of the requests: it can't be changed.
 * @param options `now`: the clock, in milliseconds since the epoch, by default `Date.now`
 * @throws {TypeError} if `path` is not a non-empty string
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#launch-a-pod-using-service-account-token-projection
 * @example
 * const source = fileToken('/var/run/secrets/tokens/keycloak');
 * const assertion = await source({ audience: 'https://keycloak.example/realms/my-realm' });
 */
export function fileToken(path: string, options: { now?: (() => number) | undefined } = {}): AssertionSource {
  assertText(path, 'The path of the file');
  return async ({ signal }) => {
    signal?.throwIfAborted();
    const text = await abortable(readTokenFile(path), signal);
    const origin = { name: `The token in the file ${path}`, cure: RENEW_CURE, renews: true };
    return readyAssertion(text, origin, options.now ?? Date.now);
  };
}

async function readTokenFile(path: string): Promise<string> {
  const { open, stat } = process.getBuiltinModule('node:fs/promises');
  try {
    // A named pipe would be waited for.
    if (!(await stat(path)).isFile()) throw noAssertion(`${path} is not a file. ${MOUNT_CURE}`);
    const bytes = await readBounded(await open(path));
    if (bytes.length > MAX_ASSERTION_BYTES) throw assertionTooLarge({ name: `The file ${path}`, cure: MOUNT_CURE });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    throw isOAuthError(error) ? error : toFileError(path, error);
  }
}

/** Reads a file up to one byte more than an assertion may have, and closes it. */
async function readBounded(file: FileHandle): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_ASSERTION_BYTES + 1);
  let size = 0;
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size);
      size += bytesRead;
      if (bytesRead === 0 || size === buffer.length) return buffer.subarray(0, size);
    }
  } finally {
    await file.close();
  }
}

function toFileError(path: string, error: unknown): OAuthError {
  const { code } = error as { code?: unknown };
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return noAssertion(`There is no file ${path}. Check the path. ${MOUNT_CURE}`);
  if (code === 'EACCES' || code === 'EPERM')
    return noAssertion(
      `The file ${path} can't be read by this user (${code}). Allow it, in Kubernetes with \`fsGroup\` or \`runAsUser\` of the pod.`,
    );
  const shown = typeof code === 'string' ? ` (${code})` : '';
  return noAssertion(`The file ${path} can't be read${shown}. Check the path and the disk.`, {
    retryable: typeof code === 'string' && RETRYABLE_CODES.has(code),
  });
}
