import { join } from 'node:path';
import { createFetch } from '@oa/fetch';
import { createManager, type Credentials } from '@oa/manager';
import { readPrivate, userDirectory, writePrivate } from '@oa/private-file';
import { attempt, type Result } from '@oa/types';
import { program } from 'commander';

// Your program has constants here. Without a client_id it registers itself, if the server allows that.
const { OA_ISSUER: issuer = 'https://login.example.com', OA_CLIENT_ID: client_id } = process.env;
const { OA_API: api = 'https://api.example.com/me' } = process.env;
const app = 'example-cli-login';

/** The value of a result. An error ends the program with 1. */
const valueOf = <T>(result: Result<T>): T => (result.ok ? result.value : program.error(result.error.message));
const manager = createManager({ app });
/** Each account has a session of its own. The profile keeps them apart. */
const user = (account: string): Credentials => ({ client_id, scope: 'openid offline_access', profile: account });
const accountFile = async (): Promise<string> => join(userDirectory('config', app), 'account');
const current = valueOf(await attempt(accountFile().then((file) => readPrivate(file)))) ?? 'default';
const useAccount = async (account: string): Promise<void> => {
  await writePrivate(await accountFile(), account);
  console.log(`The account is now ${account}.`);
};
const notLoggedIn = `You are not logged in. Run "${app} login".`;

program.name(app).description('Asks an API who you are.');
program.command('login [account]').action(async (account: string = current) => {
  // Without `login`, a browser that is logged in at the server would not ask for the account.
  const parameters = { prompt: 'login consent', login_hint: account === 'default' ? undefined : account };
  valueOf(await manager.login(issuer, user(account), { parameters }));
  await useAccount(account);
});
program.command('whoami').action(async () => {
  const source = manager.source(issuer, user(current), { interaction: 'never' });
  const userFetch = createFetch(source, { origins: [new URL(api).origin] });
  const answer = await attempt(userFetch(api));
  if (!answer.ok && answer.error.code === 'login_required') program.error(notLoggedIn);
  const response = valueOf(answer);
  if (!response.ok) program.error(`${api} answered ${response.status}.`);
  console.log(`You are ${((await response.json()) as { hello: string }).hello}.`);
});
program.command('status').action(async () => {
  const sessions = valueOf(await manager.sessions());
  if (sessions.length === 0) console.log(notLoggedIn);
  for (const { profile, scope } of sessions) console.log(`${profile === current ? '*' : ' '} ${profile} (${scope})`);
});
program.command('switch <account>').action(async (account: string) => {
  const isKnown = valueOf(await manager.sessions()).some(({ profile }) => profile === account);
  await (isKnown ? useAccount(account) : program.error(`Not logged in. Run "${app} login ${account}".`));
});
program.command('logout [account]').action(async (account: string = current) => {
  const isDone = valueOf(await manager.logout(issuer, user(account)));
  console.log(isDone ? `Logged out ${account}.` : `${account} was not logged in.`);
});
program.command('logout-all').action(async () => {
  console.log(`Accounts logged out: ${valueOf(await manager.logoutAll())}.`);
});
// An error with a cause is of `fetch`: its message says less than this one.
await program.parseAsync().catch((e: Error) => program.error(e.cause ? `${api} can't be reached.` : e.message));
