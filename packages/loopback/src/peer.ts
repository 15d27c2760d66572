import type { Socket } from 'node:net';

/** A line of /proc/net/tcp. Addresses are in hex and in network order, with the port: `7f000001:1f90`. */
interface KernelSocket {
  local: string;
  remote: string;
  state: string;
  uid: string;
  /** `0` after the program has closed the socket. The kernel then shows root as its user. */
  inode: string;
}

const ESTABLISHED_STATE = '01';
const LISTENING_STATE = '0A';
/** An IPv4 connection of an IPv6 socket. */
const MAPPED_PREFIX = '00000000000000000000ffff';

/**
 * Whether another user of this machine holds the other end of a loopback connection. Root counts as this user, and so does the user that
 * ran `sudo`.
 *
 * Linux lists the user of every socket. On other systems, and where the list is missing or does not have the other end (the browser of
 * Windows, seen from WSL), the answer is `false`.
 *
 * @see https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */
export function isOtherUser({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  if (localPort === undefined || remotePort === undefined) return true;
  const own = toEndpoint(localAddress ?? '', localPort);
  const peer = toEndpoint(remoteAddress ?? '', remotePort);
  const sockets = readKernelSockets(localPort);
  if (!sockets.some(({ local, state }) => state === LISTENING_STATE && local.endsWith(own.slice(-5)))) return false;
  const found = sockets.find(({ local, remote }) => local === peer && remote === own);
  if (found !== undefined) return found.inode === '0' || !isTrustedUser(found.uid);
  // The other end is in no list of this system, or it was reset meanwhile. Then this end is not established any more.
  const connections = readKernelSockets(localPort).filter(({ local, remote }) => local === own && remote === peer);
  return !connections.some(({ state }) => state === ESTABLISHED_STATE);
}

function isTrustedUser(uid: string): boolean {
  return ['0', String(process.getuid?.()), process.env['SUDO_UID']].includes(uid);
}

/** The sockets of this machine with `port` at one end. */
function readKernelSockets(port: number): KernelSocket[] {
  if (process.platform !== 'linux') return [];
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const marker = `:${toHex(port, 4).toUpperCase()} `;
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => {
    try {
      const lines = readFileSync(file, 'utf8').split('\n');
      return lines.filter((line) => line.includes(marker)).map(parseKernelSocket);
    } catch {
      return [];
    }
  });
}

function parseKernelSocket(line: string): KernelSocket {
  const [, local = '', remote = '', state = '', , , , uid = '?', , inode = '0'] = line.trim().split(/\s+/);
  return { local: toNetworkOrder(local), remote: toNetworkOrder(remote), state, uid, inode };
}

/** The kernel writes an address as words of 32 bits in the byte order of the machine. */
function toNetworkOrder(endpoint: string): string {
  const [words = '', port = ''] = endpoint.toLowerCase().split(':');
  const isLittleEndian = process.getBuiltinModule('node:os').endianness() === 'LE';
  const address = isLittleEndian ? words.replace(/(..)(..)(..)(..)/g, '$4$3$2$1') : words;
  return `${address.startsWith(MAPPED_PREFIX) ? address.slice(MAPPED_PREFIX.length) : address}:${port}`;
}

function toEndpoint(address: string, port: number): string {
  return `${address.includes(':') ? ipv6ToHex(address) : ipv4ToHex(address)}:${toHex(port, 4)}`;
}

function ipv4ToHex(address: string): string {
  return address
    .split('.')
    .map((byte) => toHex(Number(byte), 2))
    .join('');
}

function ipv6ToHex(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join('');
}

function toHex(number: number, characters: number): string {
  return number.toString(16).padStart(characters, '0');
}
