// Opens files until the limit of this process is reached, runs a program, and prints the error.
import { openSync, closeSync } from 'node:fs';
import { execToken } from '@oa/workload-identity';

const source = execToken(['echo', 'token']);
const request = { audience: 'https://as.example' };
await source(request);
const files: number[] = [];
try {
  for (;;) files.push(openSync('/dev/null', 'r'));
} catch {
  // The limit.
}
const result: unknown = await source(request).catch((error: unknown) => error);
for (const file of files) closeSync(file);
process.stdout.write(JSON.stringify(result));
