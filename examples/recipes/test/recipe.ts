import { join } from 'node:path';
import type { AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startProcess, type TestProcess } from '@oa-internal/testing';
import { createManager } from '@oa/manager';
import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';

/** Where the recipes are. */
export const folder: string = join(import.meta.dirname, '..');

/** What is left of the environment of this process for a recipe. */
const KEPT_VARIABLES = ['PATH', 'NODE_EXTRA_CA_CERTS', 'LD_LIBRARY_PATH'];

/** Starts a recipe as a process, with these variables and no home directory, unless `env` names one. */
export function startRecipe(name: string, env: NodeJS.ProcessEnv, args: readonly string[] = []): TestProcess {
  const kept = Object.fromEntries(KEPT_VARIABLES.map((variable) => [variable, process.env[variable]]));
  return startProcess(join(folder, name), { args, env: { ...kept, ...env } });
}

/** The environment of a client that authenticates with a secret. */
export function secretEnvironment({ issuer, confidential }: AuthorizationServerHandle): NodeJS.ProcessEnv {
  return {
    OA_ISSUER: issuer,
    OA_CLIENT_ID: confidential.client_id,
    OA_CLIENT_SECRET: confidential.client_secret,
  };
}

/** Logs the account of the server in, and returns a token with a refresh token that rotates. */
export async function logIn(server: AuthorizationServerHandle): Promise<Token> {
  const { issuer, public: client } = server;
  const cache = new Map<string, Token>();
  const manager = createManager({
    cache,
    interaction: 'always',
    login: { openBrowser: async (url) => void (await server.logIn(url)), print: () => undefined },
  });
  const scope = 'openid offline_access';
  await manager.getToken(issuer, { ...client, scope });
  const token = cache.get(tokenKey({ issuer, ...client, grant_type: 'authorization_code', scope }));
  if (token?.refresh_token === undefined) throw new Error('The server gave no refresh token.');
  return token;
}
