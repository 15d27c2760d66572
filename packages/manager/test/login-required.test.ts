import { expect, it, onTestFinished } from 'vitest';
import { managerAt, startScripted, temporaryDirectory } from './setup.ts';

/** What the error says to a caller without a token. */
async function messageFor(credentials: object, options: object = {}): Promise<string> {
  const { metadata } = await startScripted();
  const result = await managerAt(temporaryDirectory(), options).manager.get(metadata, {
    client_id: 'p',
    ...credentials,
  });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
  return result.ok ? '' : result.error.message;
}

it('names the program that can log in, and what a job uses instead', async () => {
  expect(await messageFor({})).toMatch(
    /No usable token is stored\..*Log in with test in a terminal \(manager\.login\), or use the client credentials of a service\.$/,
  );
});

it('says nothing of what is stored to a caller that wants a login in any case', async () => {
  const { metadata } = await startScripted();
  const result = await managerAt(temporaryDirectory()).manager.login(metadata, { client_id: 'p' });
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(result.ok || result.error.message).toMatch(/^A user must log in at \S+\. No user can be asked, because /);
});

it('asks whether the environment variable is set, where the secret is undefined', async () => {
  const client_secret = process.env['OA_TEST_SECRET_THAT_IS_NOT_SET'];
  expect(await messageFor({ client_secret })).toContain(
    'credentials.client_secret is undefined, which means a login of a user. Is the environment variable set?',
  );
  expect(await messageFor({})).not.toContain('client_secret');
});

it.each(['client_id', 'client_secret'])('asks the same where %s is empty', async (name) => {
  const { metadata } = await startScripted();
  const { manager } = managerAt(temporaryDirectory());
  await expect(manager.get(metadata, { client_id: 'p', [name]: '' })).rejects.toThrow(
    new TypeError(
      `credentials.${name} must be a non-empty string. If it comes from an environment variable, is the variable set?`,
    ),
  );
});

it('says that a call may ask no user', async () => {
  expect(await messageFor({}, { interaction: 'never' })).toContain("because the option interaction is 'never'");
});

it('says that there is no terminal', async () => {
  const { CI } = process.env;
  delete process.env['CI'];
  onTestFinished(() => {
    if (CI !== undefined) process.env['CI'] = CI;
  });
  expect(await messageFor({})).toContain('neither stdin nor stderr is a terminal');
});
