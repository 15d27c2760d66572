// The built-in modules that reading a file needs. They are not imported: ESM would read every lazy member of a module, which takes longer than
// reading the file.
import { assertNodeVersion } from '@oa/mechanisms';

assertNodeVersion();

export const fs: typeof import('node:fs') = process.getBuiltinModule('node:fs');
export const paths: typeof import('node:path') = process.getBuiltinModule('node:path');
export const buffers: typeof import('node:buffer') = process.getBuiltinModule('node:buffer');
