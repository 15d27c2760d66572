// Measures what a call from memory costs with and without subscribers, on the built packages: `pnpm telemetry`.
import { tracingChannel } from 'node:diagnostics_channel';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createManager } from '@oa/manager';
import { instrument } from '@oa/opentelemetry';

const CALLS = 20_000;
const ROUNDS = 15;
const client = { client_id: 'c', client_secret: 's' };
const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
const answer = async (url: unknown): Promise<Response> =>
  Response.json(
    String(url).includes('.well-known') ? metadata : { access_token: 'a', token_type: 'Bearer', expires_in: 3600 },
  );
const manager = createManager({ cache: new Map(), fetch: answer });
await manager.getToken(metadata.issuer, client);
const map = new Map([['a', 'b']]);

/** Microseconds of CPU for each call, the median of the rounds. */
async function measureCalls(call: () => Promise<unknown> | string | undefined): Promise<string> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let count = 0; count < CALLS; count++) await call();
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / CALLS);
  }
  return (rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0).toFixed(2);
}

const get = (): Promise<unknown> => manager.getToken(metadata.issuer, client);
const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const listener = (): void => {};
print(`awaited Map lookup: ${await measureCalls(() => map.get('a'))} µs`);
print(`no subscriber: ${await measureCalls(get)} µs`);
tracingChannel('oa:get').asyncEnd.subscribe(listener);
print(`one subscriber of oa:get: ${await measureCalls(get)} µs`);
tracingChannel('oa:get').asyncEnd.unsubscribe(listener);
const stopWithoutSdk = instrument();
print(`instrument without an SDK: ${await measureCalls(get)} µs`);
stopWithoutSdk();
const exporter = new InMemorySpanExporter();
exporter.export = (_spans, done) => done({ code: 0 });
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const stop = instrument({ tracerProvider, meterProvider: new MeterProvider() });
print(`instrument with an SDK that drops its spans: ${await measureCalls(get)} µs`);
stop();
print(`no subscriber any more: ${await measureCalls(get)} µs`);
