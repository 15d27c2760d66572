import { createServer, type AddressInfo, type Socket } from 'node:net';
import { rejectionOf } from '@oa-internal/testing';
import { postgresStore } from '@oa/store-postgres';
import { Pool } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { KEY } from './setup.ts';

/** One message of the protocol of PostgreSQL. */
function message(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const SHUTDOWN = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));

it('goes on where PostgreSQL ends a connection while the pool hands it out', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    // The connection is ready and over within one packet, before any code of the program runs.
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, SHUTDOWN])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pool = new Pool({ host: '127.0.0.1', port, user: 'oa', database: 'oa' });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await pool.end();
  });
  const store = postgresStore({ pool, timeout: 2000 });
  // An error without a listener would end this test as an uncaught one.
  for (let attempt = 0; attempt < 3; attempt += 1)
    expect(await rejectionOf((async () => store.get(KEY))())).toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
    });
});
