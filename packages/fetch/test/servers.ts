import {
  startScriptedServer,
  type RecordedRequest,
  type Reply,
  type ScriptedServer,
} from '@oa-internal/scripted-server';
import type { Token, TokenSource, TokenSourceOptions } from '@oa/types';
import { onTestFinished } from 'vitest';

type Answer = (request: RecordedRequest, index: number) => Reply | undefined;

/** Starts a server that the end of the test closes. */
export async function startServer(script: Answer, host?: '127.0.0.1' | '::1'): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, host === undefined ? {} : { host });
  onTestFinished(() => server.close());
  return server;
}

/** A source, and the options that it was called with. */
export interface CountingSource {
  source: TokenSource;
  asked: (TokenSourceOptions | undefined)[];
  /** The tokens that the calls named as rejected. */
  rejections: () => string[];
}

/** Creates a source that returns token-1 until it is rejected, then token-2, and so on. */
export function createCountingSource(): CountingSource {
  let current = 1;
  const asked: (TokenSourceOptions | undefined)[] = [];
  const source = async (options?: TokenSourceOptions): Promise<Token> => {
    asked.push(options);
    if (options?.rejected === `token-${current}`) current += 1;
    return { access_token: `token-${current}`, token_type: 'Bearer' };
  };
  return { source, asked, rejections: () => asked.flatMap((options) => options?.rejected ?? []) };
}

/** Answers the `refused` tokens with a 401, and others with a 200 that echoes the body. */
export function refuseTokens(refused: string[], challenge?: string): Answer {
  return (request) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!refused.includes(token)) return { json: { token, body: request.body } };
    return { status: 401, headers: challenge === undefined ? {} : { 'www-authenticate': challenge } };
  };
}

export const authorizationsOf = (requests: RecordedRequest[]): (string | undefined)[] =>
  requests.map((request) => request.headers.authorization);
