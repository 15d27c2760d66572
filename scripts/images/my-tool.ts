/** The program of the pictures of the terminal: logs in and greets. OA_PICTURE says how. */
import { createManager } from '../../packages/manager/src/index.ts';
import { OAuthError, type Token } from '../../packages/types/src/index.ts';
import { answer, ISSUER } from './server.ts';

const { scope, timeout, isDiskFull, openBrowser = false } = JSON.parse(process.env['OA_PICTURE'] ?? '{}');
const stored = new Map<string, Token>();
const fullDisk = {
  get: (key: string) => stored.get(key),
  set: () => {
    throw new OAuthError(
      'storage_unavailable',
      "/home/ada/.cache/my-tool can't be used (ENOSPC): the disk is full; free some space.",
    );
  },
  delete: (key: string) => stored.delete(key),
};
const manager = createManager({
  app: 'my-tool',
  fetch: answer,
  login: { openBrowser, timeout },
  cache: isDiskFull ? fullDisk : undefined,
});
const result = await manager.get(ISSUER, { client_id: 'my-tool', scope });
process.stdout.write(result.ok ? 'Hello, Ada.\n' : `my-tool: ${result.error.message}\n`);
