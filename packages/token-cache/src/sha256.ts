/** The digest that names a file. Had without an import, which in ESM would read every lazy member of `node:crypto`. */
export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}
