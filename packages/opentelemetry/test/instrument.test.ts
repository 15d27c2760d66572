import { metrics, trace } from '@opentelemetry/api';
import { createManager } from '@oa/manager';
import { instrument, type InstrumentOptions } from '@oa/opentelemetry';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startTelemetry } from './setup.ts';

const client = { client_id: 'c', client_secret: 's' };
const token = { json: { access_token: 'a', token_type: 'Bearer', expires_in: 3600 } };

it.each([
  [{ tracer: {} }, 'instrument has no option tracer.'],
  [{ tracerProvider: {} }, 'options.tracerProvider must be'],
  [{ meterProvider: {} }, 'options.meterProvider must be'],
])('refuses the options %j', (options, message) => {
  expect(() => instrument(options as InstrumentOptions)).toThrow(TypeError);
  expect(() => instrument(options as InstrumentOptions)).toThrow(message);
});

it('records nothing after it is stopped', async () => {
  await using server = await startScriptedServer({ '/token': token });
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const telemetry = startTelemetry();
  const manager = createManager({ cache: new Map() });
  await manager.getToken(metadata, client);
  expect(telemetry.spans()).toHaveLength(1);
  telemetry.stop();
  await manager.getToken(metadata, client);
  expect(telemetry.spans()).toHaveLength(1);
  expect((await telemetry.seriesOf('oa.token.requests')).map(({ value }) => value)).toEqual([1]);
});

it('leaves out a call that began before it', async () => {
  const answer = Promise.withResolvers<void>();
  await using server = await startScriptedServer({
    '/token': async () => {
      await answer.promise;
      return token;
    },
  });
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const first = startTelemetry();
  const manager = createManager({ cache: new Map() });
  const pending = manager.getToken(metadata, client);
  const second = startTelemetry();
  answer.resolve();
  await pending;
  expect([first.spans().length, second.spans().length]).toEqual([1, 0]);
  expect(await second.seriesOf('oa.token.duration')).toEqual([]);
});

it('uses the global providers by default, and does nothing without the channels', () => {
  const getTracer = vi.spyOn(trace, 'getTracer');
  const getMeter = vi.spyOn(metrics, 'getMeter');
  instrument()();
  expect([getTracer.mock.calls, getMeter.mock.calls]).toEqual([[['@oa/opentelemetry']], [['@oa/opentelemetry']]]);
  vi.stubGlobal('process', undefined);
  onTestFinished(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
  instrument()();
  expect(getTracer).toHaveBeenCalledTimes(1);
});
