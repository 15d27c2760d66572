// A new process that asks for a token with the telemetry on, and prints the series of `oa.token.requests`.
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { createManager, type Credentials } from '@oa/manager';
import { instrument } from '@oa/opentelemetry';
import { readTask } from '@oa-internal/testing/child';

const { issuer, credentials } = readTask() as { issuer: string; credentials: Credentials };
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
instrument({ meterProvider });
await createManager({ app: 'test' }).getToken(issuer, credentials);
await meterProvider.forceFlush();
const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
const requests = metrics.find(({ descriptor }) => descriptor.name === 'oa.token.requests');
process.stdout.write(JSON.stringify(requests?.dataPoints.map(({ attributes, value }) => ({ attributes, value }))));
await meterProvider.shutdown();
