// Runs the command of its arguments, and exits when the file `child` is in the directory of the first one.
import { existsSync } from 'node:fs';
import { execToken } from '@oa/workload-identity';

const [directory = '', ...command] = process.argv.slice(2);
void execToken(command)({ audience: 'https://as.example' });
setInterval(() => {
  if (existsSync(`${directory}/child`)) process.exit(0);
}, 10);
