// A process that gets a token from a manager with the keychain, and prints what it has seen as JSON.
import { readTask } from '@oa-internal/testing/child';
import { createManager, type Credentials } from '@oa/manager';

const { issuer, credentials, rejected } = readTask() as { issuer: string; credentials: Credentials; rejected?: string };
const events: string[] = [];
const manager = createManager({
  app: 'test',
  storage: 'keychain',
  interaction: 'never',
  onEvent: ({ type }) => events.push(type),
});
const result = await manager.get(issuer, credentials, rejected === undefined ? {} : { rejected });
process.stdout.write(JSON.stringify({ result, events }));
