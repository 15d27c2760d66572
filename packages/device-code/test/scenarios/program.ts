/** A command-line program with a device login. */
import { awaitDeviceLogin, startDeviceLogin } from '@oa/device-code';

const issuer = process.env['OA_ISSUER'] ?? '';
const client = JSON.parse(process.env['OA_CLIENT'] ?? '{}');
const server = {
  issuer,
  token_endpoint: `${issuer}/token`,
  device_authorization_endpoint: `${issuer}/device_authorization`,
};
const started = await startDeviceLogin(server, client, { scope: 'read' });
const token = await awaitDeviceLogin(server, client, { ...started, interval: 0.1 });
process.stdout.write(`GRANTED ${token.scope}\n`);
