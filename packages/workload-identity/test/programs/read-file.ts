// Reads the token file of the first argument, and prints the token or the error.
import { fileToken } from '@oa/workload-identity';

const result = await fileToken(process.argv[2] ?? '')({ audience: 'https://as.example' }).catch(
  (error: unknown) => error,
);
process.stdout.write(JSON.stringify(result));
