// Asks a manager for a token while the modules whose address holds a given text can't be loaded, as in a process with too many open files.
import { registerHooks } from 'node:module';
import { createManager } from '@oa/manager';
import { readTask } from '@oa-internal/testing/child';

const { text, target } = readTask() as { text: string; target: string };

registerHooks({
  load(url, context, nextLoad) {
    if (!url.includes(text)) return nextLoad(url, context);
    throw Object.assign(new Error(`EMFILE: ${url}`), { code: 'EMFILE', errno: -24, syscall: 'open' });
  },
});
let browsers = 0;
const openBrowser = async (url: string): Promise<void> => {
  browsers += 1;
  const start = await fetch(url, { redirect: 'manual' });
  const authorization = new URL(start.headers.get('location') ?? '');
  const callback = new URL(authorization.searchParams.get('redirect_uri') ?? '');
  callback.searchParams.set('code', 'c');
  callback.searchParams.set('state', authorization.searchParams.get('state') ?? '');
  await fetch(callback);
};
const manager = createManager({ app: 'test', login: { openBrowser, print: () => {} } });
const result = await manager.get(
  { issuer: target, token_endpoint: `${target}/token`, authorization_endpoint: `${target}/authorize` },
  { client_id: 'p' },
);
process.stdout.write(JSON.stringify({ browsers, result }));
