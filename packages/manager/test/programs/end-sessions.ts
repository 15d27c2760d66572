// A process that renews the token of each session that it reads from stdin, and then logs out. It prints the ends as JSON.
import { text } from 'node:stream/consumers';
import { createManager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import { toOption, type SessionEnd, type SessionJob } from '../authentications.ts';

const jobs = JSON.parse(await text(process.stdin)) as SessionJob[];

async function endSession({ directory, issuer, credentials, authentication }: SessionJob): Promise<SessionEnd> {
  const events: string[] = [];
  const manager = createManager({
    app: 'test',
    cache: fileTokenCache({ directory }),
    interaction: 'never',
    onEvent: ({ type }) => events.push(type),
  });
  const complete = { ...credentials, authentication: toOption(authentication) };
  const result = await manager.get(issuer, complete);
  if (!result.ok) return { error: result.error.message };
  const ended = await manager.logout(issuer, complete);
  if (!ended.ok) return { error: ended.error.message };
  return { events, access_token: result.value.access_token, loggedOut: ended.value };
}

process.stdout.write(JSON.stringify(await Promise.all(jobs.map(endSession))));
