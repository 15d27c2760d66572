import { expect, it } from 'vitest';
import { toTerminalText } from '../src/terminal.ts';

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
