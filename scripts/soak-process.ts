// A process of `pnpm soak`: it asks for tokens, reports rejected ones and logs out, in random order, until its time is up or it is killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { encryptedStores } from '../internal/scenarios/src/index.ts';
import { createManager } from '../packages/manager/src/index.ts';
import type { AuthorizationServer, Token } from '../packages/types/src/index.ts';
import type { Identity, Report } from './soak.ts';

const { server, identities, seconds } = JSON.parse(process.argv[2] ?? '{}') as {
  server: AuthorizationServer;
  identities: Identity[];
  seconds: number;
};
const withPid: typeof fetch = (url, init) =>
  fetch(url, { ...init, headers: { ...(init?.headers as Record<string, string>), 'x-pid': String(process.pid) } });
const manager = createManager({
  app: 'soak',
  ...encryptedStores('soak'),
  fetch: withPid,
  login: { openBrowser: (url) => fetch(url), print: () => {} },
});

function report(entry: Report): void {
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

process.on('unhandledRejection', (error) => report({ thrown: String(error) }));
const held = new Map<string, Token>();
const end = performance.now() + seconds * 1000;
while (performance.now() < end) {
  const identity = identities[Math.floor(Math.random() * identities.length)];
  if (identity === undefined) break;
  const dice = Math.random();
  try {
    if (dice < 0.02) {
      await manager.logout(server, identity.credentials);
      report({ did: 'logout' });
    } else {
      const rejected = dice < 0.2 ? held.get(identity.name)?.access_token : undefined;
      const result = await manager.get(server, identity.credentials, rejected === undefined ? {} : { rejected });
      if (result.ok) held.set(identity.name, result.value);
      report(
        result.ok
          ? { identity: identity.name, got: result.value.access_token, rejected }
          : { failed: result.error.code },
      );
    }
  } catch (error) {
    report({ thrown: String(error) });
  }
  await sleep(Math.random() * 200);
}
