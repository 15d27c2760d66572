import { OAuthError } from '@oa/types';

/** The system refuses a longer path, so no command is cut. */
const MAX_PATH_CHARACTERS = 4096;

/**
 * Characters that would change the text of an error: those of the Unicode categories Cc, Zl and Zp. No program names its directories with
 * them. The names of the categories in a regular expression take a new process a third of a millisecond each.
 */
export const CONTROL_CHARACTERS: RegExp = /[^ -~\xa0-\u2027\u202a-\uffff]/;

/** The error for a file that this user can't trust. The file is left unchanged, for the user to inspect. */
export function insecureFileError(path: string, problem: string, remedy: string): OAuthError {
  return new OAuthError('insecure_file_permissions', `${quotePath(path)} ${problem}, so it is not used. ${remedy}`);
}

/**
 * A path for a message: as a shell reads it, so that the command of a remedy can be copied. Control characters become visible,
 * because a terminal would obey them.
 */
export function quotePath(path: string): string {
  // A literal would be read by each process, an error or not.
  const invisible = new RegExp(String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]`, 'gu');
  const plain = new RegExp(String.raw`^[\p{L}\p{M}\p{N}@%+=:,./_-]+$`, 'u');
  const visible = path
    .slice(0, MAX_PATH_CHARACTERS)
    .replace(invisible, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  if (!hasModes() || plain.test(visible)) return visible;
  return `'${visible.replaceAll("'", String.raw`'\''`)}'`;
}

/** Windows has neither owners nor modes here: the access list of the user's own profile protects the files. */
export function hasModes(): boolean {
  return process.platform !== 'win32';
}
