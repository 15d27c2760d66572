/** A command-line program with a login. Prints one line with the result, and exits when Node has nothing left to do. */
import { attempt } from '@oa/types';
import { login, type LoginOptions } from '@oa/loopback';

const server = JSON.parse(process.env['OA_SERVER'] ?? '{}');
const options = JSON.parse(process.env['OA_OPTIONS'] ?? '{}') as LoginOptions;
if (process.env['OA_HANDLE_SIGINT'] !== undefined) {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new Error('interrupted')));
  options.signal = controller.signal;
}
const events: string[] = [];
const ended = await attempt(
  login(server, { client_id: 'oa-test' }, {}, { ...options, onEvent: (event) => events.push(event.type) }),
).catch((error: Error) => ({ ok: false as const, error: { code: error.message } }));
const { moduleLoadList } = process as unknown as { moduleLoadList: string[] };
const loaded = ['http', 'child_process'].filter((name) => moduleLoadList.includes(`NativeModule ${name}`));
const result = ended.ok ? 'token' : ended.error.code;
/** What keeps the process alive after the login. Connections that are about to be closed do not count. */
let alive: string[] = [];
for (let poll = 0; poll < 50; poll += 1) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  alive = process.getActiveResourcesInfo().filter((name) => /Timeout|TCP/.test(name));
  if (alive.length === 0) break;
}
process.stdout.write(`ENDED ${JSON.stringify({ result, events, loaded, alive })}\n`);
