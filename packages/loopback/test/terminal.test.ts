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
