import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { createManager } from '@oa/manager';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { startTelemetry, temporaryHome, withoutServer } from './setup.ts';

const byName = (spans: readonly ReadableSpan[], name: string): ReadableSpan[] =>
  spans.filter((span) => span.name === name);
const parentsOf = (spans: readonly ReadableSpan[]): unknown[] => spans.map((span) => span.parentSpanContext?.spanId);

it('makes oa.get a child of the span of the caller, and oa.login and oa.refresh children of oa.get', async () => {
  await using server = await startAuthorizationServer();
  temporaryHome();
  const { tracerProvider, spans } = startTelemetry();
  const tracer = tracerProvider.getTracer('test');
  let later = 0;
  const login = { openBrowser: (url: string) => server.logIn(url), print: () => {} };
  const manager = createManager({ app: 'test', login, now: () => Date.now() + later });
  const credentials = { client_id: server.public.client_id, scope: 'openid offline_access' };
  const caller = tracer.startSpan('caller');
  await context.with(trace.setSpan(context.active(), caller), async () => {
    await manager.getToken(server.issuer, credentials);
    later = 3_700_000;
    await manager.getToken(server.issuer, credentials);
  });
  await manager.getToken(server.issuer, credentials);
  const [first, second, third] = byName(spans(), 'oa.get');
  expect(parentsOf([first, second, third] as ReadableSpan[])).toEqual([
    caller.spanContext().spanId,
    caller.spanContext().spanId,
    undefined,
  ]);
  expect(parentsOf(byName(spans(), 'oa.login'))).toEqual([first?.spanContext().spanId]);
  expect(parentsOf(byName(spans(), 'oa.refresh'))).toEqual([second?.spanContext().spanId]);
  const grant = { 'oa.grant_type': 'authorization_code' };
  expect(spans().map((span) => [span.name, withoutServer(span.attributes)])).toEqual([
    ['oa.login', grant],
    ['oa.get', { ...grant, 'oa.token.source': 'obtained' }],
    ['oa.refresh', grant],
    ['oa.get', { ...grant, 'oa.token.source': 'refreshed' }],
    ['oa.get', { ...grant, 'oa.token.source': 'disk' }],
  ]);
  const { hostname, port } = new URL(server.issuer);
  expect(first?.attributes).toMatchObject({
    'oa.issuer': server.issuer,
    'server.address': hostname,
    'server.port': Number(port),
  });
});

it('has its span active while a request is sent, so that those of an HTTP instrumentation are below it', async () => {
  await using server = await startScriptedServer({
    '/token': { json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 } },
  });
  const { spans } = startTelemetry();
  const active: unknown[] = [];
  const instrumented: typeof fetch = (url, init) => {
    active.push(trace.getActiveSpan()?.spanContext().spanId);
    return fetch(url, init);
  };
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const manager = createManager({ cache: new Map(), fetch: instrumented });
  await manager.getToken(metadata, { client_id: 'c', client_secret: 's' });
  expect(trace.getActiveSpan()).toBeUndefined();
  expect(active).toEqual(byName(spans(), 'oa.get').map((span) => span.spanContext().spanId));
});

it('keeps what another subscriber has put around the work', async () => {
  const own = new AsyncLocalStorage<string>();
  const setAround = (operation: unknown): void => {
    Object.assign(operation as object, { around: (work: () => unknown) => own.run('own', work) });
  };
  const { start } = tracingChannel('oa:get');
  start.subscribe(setAround);
  onTestFinished(() => {
    start.unsubscribe(setAround);
  });
  const [first, second] = [startTelemetry(), startTelemetry()];
  const seen: unknown[] = [];
  const answer = async (): Promise<Response> => {
    seen.push(own.getStore(), trace.getActiveSpan()?.spanContext().spanId);
    return Response.json({ access_token: 'a', token_type: 'Bearer', expires_in: 3600 });
  };
  const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const manager = createManager({ cache: new Map(), fetch: answer });
  await manager.getToken(metadata, { client_id: 'c', client_secret: 's' });
  expect(first.spans()).toHaveLength(1);
  expect(seen).toEqual(['own', ...second.spans().map((span) => span.spanContext().spanId)]);
});

it('marks a failed span as an error with its type, without a message and without an exception', async () => {
  await using server = await startScriptedServer({
    '/token': { status: 400, json: { error: 'invalid_client', error_description: 'PLANTED' } },
  });
  const { spans } = startTelemetry();
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  await createManager({ cache: new Map() }).get(metadata, { client_id: 'c', client_secret: 's' });
  const [span] = spans();
  expect(span?.status).toEqual({ code: SpanStatusCode.ERROR });
  expect(span?.events).toEqual([]);
  expect(withoutServer(span?.attributes ?? {})).toEqual({
    'oa.grant_type': 'client_credentials',
    'error.type': 'oauth_error',
  });
});
