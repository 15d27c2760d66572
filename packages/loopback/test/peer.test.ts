import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isOtherUser } from '../src/peer.ts';

// test/attacks/other-user.test.ts has the tests with two users.
describe.skipIf(process.platform !== 'linux')('isOtherUser (Linux only: /proc/net)', () => {
  const server = createServer();
  let port: number;
  let accepted: Socket;
  beforeEach(async () => {
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
    const connection = new Promise<Socket>((resolve) => void server.once('connection', resolve));
    connect(port, '127.0.0.1');
    accepted = await connection;
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    accepted.destroy();
    return new Promise((resolve) => server.close(resolve));
  });

  it('is false for a connection of this user', () => {
    expect(isOtherUser(accepted)).toBe(false);
  });

  it('is true for a connection that was reset: its user can not be known any more', () => {
    const { localAddress, localPort } = accepted;
    expect(isOtherUser({ localAddress, localPort, remoteAddress: '127.0.0.1', remotePort: 1 } as Socket)).toBe(true);
    expect(isOtherUser({ localAddress, localPort } as Socket)).toBe(true);
  });

  it('is false where the kernel does not list the port, as where there is no list', () => {
    const { localAddress, remoteAddress, remotePort } = accepted;
    expect(isOtherUser({ localAddress, localPort: 1, remoteAddress, remotePort } as Socket)).toBe(false);
  });

  it('is false on other systems', () => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
    expect(isOtherUser({ localPort: port, remotePort: 1 } as Socket)).toBe(false);
  });

  it('counts the user that ran sudo as this user', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(12_345);
    const uid = String(process.geteuid?.());
    // Root counts anyway.
    expect(isOtherUser(accepted)).toBe(uid !== '0');
    vi.stubEnv('SUDO_UID', uid);
    expect(isOtherUser(accepted)).toBe(false);
  });
});
