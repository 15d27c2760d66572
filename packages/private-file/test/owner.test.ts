import { afterEach, expect, it, vi } from 'vitest';
import { chownCommand, currentUser, describeOwner, describeUser, readVariable } from '../src/owner.ts';
import { asOtherUser, noOtherUser, otherUser, otherUserName } from './other-user.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it('names a user with the name and the number, and one without a name with the number', ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  expect(describeUser(otherUser)).toBe(`${otherUserName}, uid ${otherUser}`);
  expect(describeUser(54_321)).toBe('uid 54321');
  expect(describeOwner(54_321)).toBe('belongs to another user (uid 54321), and this program runs as root');
});

it('knows from sudo the name of a user that is in no file, as on macOS, and shows it safely', () => {
  vi.stubEnv('SUDO_UID', '54321');
  vi.stubEnv('SUDO_USER', 'alice');
  expect(describeUser(54_321)).toBe('alice, uid 54321');
  expect(describeUser(54_322)).toBe('uid 54322');
  vi.stubEnv('SUDO_USER', 'CORP\\al ice\u001B[2J');
  expect(describeUser(54_321)).toBe(String.raw`'CORP\al ice\u{1b}[2J', uid 54321`);
});

it('gives a file to the user that the program acts as, with sudo where it must', ({ skip }) => {
  skip(noOtherUser !== undefined, noOtherUser);
  expect(chownCommand("/it's here")).toBe(String.raw`chown root '/it'\''s here'`);
  expect(asOtherUser(() => chownCommand('/a', '-R '))).toBe(`sudo chown -R ${otherUserName} /a`);
  process.seteuid?.(54_321);
  try {
    expect([currentUser(), chownCommand('/a')]).toEqual(['54321', 'sudo chown 54321 /a']);
  } finally {
    process.seteuid?.(0);
  }
});

it('has a number for every user where the runtime hides the list and the environment', () => {
  const refused = (): never => {
    throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
  };
  vi.spyOn(process.getBuiltinModule('node:fs'), 'readFileSync').mockImplementation(refused);
  vi.spyOn(process.getBuiltinModule('node:os'), 'userInfo').mockImplementation(refused);
  const environment = process.env;
  Object.defineProperty(process, 'env', { configurable: true, get: refused });
  try {
    expect([readVariable('HOME'), describeUser(otherUser)]).toEqual([undefined, `uid ${otherUser}`]);
    expect(currentUser()).toBe(String(process.geteuid?.()));
  } finally {
    Object.defineProperty(process, 'env', { configurable: true, enumerable: true, writable: true, value: environment });
  }
});
