import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { closeServer, listen } from '@oa-internal/testing/server';

/** A server in front of an authorization server, which can keep a token request or its answer back. */
export interface Gate {
  /** Its address, and the issuer of the metadata that it answers with. */
  origin: string;
  /** Whether it answers 503. */
  isAway: boolean;
  /** Keeps the next token request, or its answer, back until `release`. */
  hold(what: 'request' | 'answer'): Hold;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What is kept back. */
interface Hold {
  /** Resolves when it is there. */
  arrived: Promise<void>;
  release: () => void;
}

/** Starts a gate in front of `issuer`. */
export async function startGate(issuer: string): Promise<Gate> {
  let waiting: { what: 'request' | 'answer'; arrive: () => void; released: Promise<void> } | undefined;

  async function pass(what: 'request' | 'answer'): Promise<void> {
    if (waiting?.what !== what) return;
    const { arrive, released } = waiting;
    waiting = undefined;
    arrive();
    await released;
  }

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (gate.isAway) {
      response.writeHead(503).end();
      return;
    }
    const { method = 'GET', url = '/', headers } = request;
    const isToken = url === '/token';
    const sent = await text(request);
    if (isToken) await pass('request');
    const answer = await fetch(`${issuer}${url}`, {
      method,
      ...(isToken && { body: sent, headers: { 'content-type': headers['content-type'] ?? '' } }),
    });
    const body = await answer.text();
    if (isToken) await pass('answer');
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(isToken ? body : body.replaceAll(issuer, gate.origin));
  }

  const http = createServer((request, response) => void forward(request, response));
  const close = (): Promise<void> => closeServer(http);
  const gate: Gate = {
    origin: await listen(http),
    isAway: false,
    hold(what) {
      const arrived = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      waiting = { what, arrive: arrived.resolve, released: released.promise };
      return { arrived: arrived.promise, release: released.resolve };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return gate;
}
