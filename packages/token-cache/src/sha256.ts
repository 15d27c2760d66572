/** The SHA-256 of `text` in hexadecimal. `node:crypto` is not imported: ESM would read all lazy members of the module. */
export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}
