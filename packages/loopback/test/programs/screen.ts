/** A program with a login in a terminal, as `my-tool login`. OA_TASK names what else it does. */
import { attempt } from '@oa/types';
import { login } from '@oa/loopback';

const { server, before = '', write, print, timeout, parameters } = JSON.parse(process.env['OA_TASK'] ?? '{}');
process.stderr.write(before);
const ended = await attempt(
  login(server, { client_id: 'oa-test', client_name: 'my-tool' }, parameters, {
    openBrowser: false,
    timeout,
    ...(print && { print: (text: string) => process.stdout.write(text) }),
    onEvent: ({ type }) => {
      if (type === 'login_waiting' && write !== undefined)
        setTimeout(() => process[write as 'stdout'].write('a line of other code\n'), 50);
    },
  }),
);
if (!ended.ok) process.stderr.write(`my-tool: ${ended.error.message}\n`);
