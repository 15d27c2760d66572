// Calls a manager while the modules whose address holds a given text can't be loaded, as in a process with too many open files, and once more
// when they can.
import { registerHooks } from 'node:module';
import { createManager } from '@oa/manager';
import { readTask } from '@oa-internal/testing/child';

const { text, target, call } = readTask() as { text: string; target: string; call: keyof typeof calls };

let isStarved = true;

registerHooks({
  load(url, context, nextLoad) {
    if (!isStarved || !url.includes(text)) return nextLoad(url, context);
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
const metadata = {
  issuer: target,
  token_endpoint: `${target}/token`,
  authorization_endpoint: `${target}/authorize`,
  registration_endpoint: `${target}/register`,
};
const calls = {
  login: () => manager.get(metadata, { client_id: 'p' }),
  register: () => manager.get(metadata, {}),
  job: () => manager.get(target, { client_id: 'p', client_secret: 's' }),
  forget: () => manager.forgetClient(metadata),
};
const result = await calls[call]();
const opened = browsers;
isStarved = false;
const later = await calls[call]();
process.stdout.write(JSON.stringify({ browsers: opened, result, later }));
