// What the tests of this package share: exporters in memory, and managers with real files.
import { rmSync } from 'node:fs';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { instrument } from '@oa/opentelemetry';
import { temporaryDirectory as createDirectory } from '@oa-internal/testing';
import { onTestFinished } from 'vitest';

/** One series of a metric: its attributes, and its sum or its number of values. */
export interface Series {
  attributes: Record<string, unknown>;
  value: number;
}

/** What the exporters have received. */
export interface Telemetry {
  tracerProvider: BasicTracerProvider;
  spans: () => ReadableSpan[];
  seriesOf: (metric: string) => Promise<Series[]>;
  /** Everything that was exported, for a search in it. */
  exported: () => Promise<string>;
  stop: () => void;
}

/** Instruments the process with exporters in memory, until the test is over. */
export function startTelemetry(): Telemetry {
  const spanExporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const stop = instrument({ tracerProvider, meterProvider });
  onTestFinished(async () => {
    stop();
    context.disable();
    await tracerProvider.shutdown();
    await meterProvider.shutdown();
  });
  const collect = async (): Promise<ReturnType<InMemoryMetricExporter['getMetrics']>> => {
    metricExporter.reset();
    await meterProvider.forceFlush();
    return metricExporter.getMetrics();
  };
  return {
    tracerProvider,
    stop,
    spans: () => spanExporter.getFinishedSpans(),
    async seriesOf(metric) {
      const metrics = (await collect()).flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      const points = metrics.find(({ descriptor }) => descriptor.name === metric)?.dataPoints ?? [];
      return points.map(({ attributes, value }) => ({
        attributes,
        value: typeof value === 'number' ? value : (value as Histogram).count,
      }));
    },
    exported: async () =>
      JSON.stringify([
        spanExporter.getFinishedSpans().map((span) => ({
          name: span.name,
          resource: span.resource.attributes,
          scope: span.instrumentationScope,
          attributes: span.attributes,
          events: span.events,
          links: span.links,
          status: span.status,
        })),
        await collect(),
      ]),
  };
}

/** The attributes of a span or a series, without those of the server, which are the same everywhere. */
export function withoutServer(attributes: Record<string, unknown>): Record<string, unknown> {
  const { 'server.address': _address, 'server.port': _port, 'oa.issuer': _issuer, ...others } = attributes;
  return others;
}

/** A directory that is removed after the test. The files of managers are in it. */
export function temporaryHome(): string {
  const directory = createDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  Object.assign(process.env, { XDG_CACHE_HOME: `${directory}/cache`, XDG_CONFIG_HOME: `${directory}/config` });
  return directory;
}
