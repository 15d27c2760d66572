import { expect, it, vi } from 'vitest';
import { printEvent, toTerminalText } from '../src/terminal.ts';

it('says how long the login waits', () => {
  const text = (expires_in: number): string | undefined =>
    toTerminalText({
      type: 'login_waiting',
      issuer: 'https://as.example',
      url: 'U',
      redirect_uri: 'R',
      expires_in,
      paste: true,
    });
  expect(text(90)).toBe(
    'To log in at as.example, open this URL in your browser (the login expires in 90 seconds):\n\nU\n\nIf the browser ends on a page that does not load, paste its address here and press Enter.\n',
  );
  expect(text(300)).toContain('5 minutes');
  expect(toTerminalText({ type: 'refreshed', issuer: 'x' })).toBeUndefined();
});

it('says in one line that the login has succeeded', () => {
  expect(toTerminalText({ type: 'code_exchanged', issuer: 'https://as.example/realm' })).toBe(
    'Logged in at as.example.\n',
  );
});

it('says that the address of the login is guessed, and which metadata addresses were asked', () => {
  const guessed_after = ['https://as.example/.well-known/a', 'https://as.example/.well-known/b'];
  const event = { issuer: 'https://as.example', url: 'U', redirect_uri: 'R', expires_in: 90, paste: false };
  expect(toTerminalText({ type: 'login_waiting', ...event, guessed_after })).toBe(
    'To log in at as.example, open this URL in your browser (the login expires in 90 seconds):\n\nU\n\n' +
      'This address is guessed: there is no metadata at https://as.example/.well-known/a, https://as.example/.well-known/b. ' +
      'If the page does not exist, check whether the issuer is complete (realm, tenant).\n',
  );
});

it('says that another program of the user logs in, without a URL that this user has not seen', () => {
  expect(toTerminalText({ type: 'login_elsewhere', issuer: 'https://as.example/realm' })).toBe(
    'Another program of yours is logging in at as.example. This one waits for it: finish that login, or end that program.\n',
  );
});

it.each([
  [undefined, ''],
  [119, ' (in 119 seconds)'],
  [3600, ' (in 60 minutes)'],
  [28_800, ' (in 8 hours)'],
  [2_592_000, ' (in 30 days)'],
])('says that there is no refresh token, and when the user must log in again (%s seconds)', (expires_in, when) => {
  expect(toTerminalText({ type: 'refresh_token_missing', issuer: 'https://as.example', expires_in })).toBe(
    `as.example gave no refresh token, although offline_access was asked for: you must log in again when the token expires${when}.\n`,
  );
});

it('says that a login can not be stored: why, where, and what to do', () => {
  const message = "/home/ada/.cache/my-tool can't be used (ENOSPC): the disk is full; free some space.";
  expect(toTerminalText({ type: 'persist_failed', code: 'storage_unavailable', message })).toBe(
    `This login can't be stored, so you must log in again at the next run. ${message}\n`,
  );
  expect(
    toTerminalText({ type: 'store_unavailable', code: 'storage_unavailable', message: `\u001B[2J${message}` }),
  ).toBe(`The stored logins can't be used, so you may have to log in at every run. [2J${message}\n`);
});

it('prints with the function of the caller, otherwise to stderr', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const print = vi.fn<(text: string) => void>();
  try {
    printEvent({ type: 'login_elsewhere', issuer: 'https://as.example' }, { print });
    printEvent({ type: 'refreshed', issuer: 'https://as.example' }, { print });
    expect([print.mock.calls.length, write.mock.calls.length]).toEqual([1, 0]);
    printEvent({ type: 'login_elsewhere', issuer: 'https://as.example' });
    printEvent({ type: 'refreshed', issuer: 'https://as.example' });
    expect(write.mock.calls).toEqual(print.mock.calls);
  } finally {
    write.mockRestore();
  }
});
