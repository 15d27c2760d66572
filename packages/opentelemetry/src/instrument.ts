import { metrics, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';
import { measure } from './measures.ts';
import { recordSpans } from './spans.ts';

const SCOPE = '@oa/opentelemetry';

/** Where spans and metrics go. */
export interface InstrumentOptions {
  /**
   * Gives the tracer of the spans.
   *
   * @default the global provider
   */
  tracerProvider?: TracerProvider | undefined;
  /**
   * Gives the meter of the metrics.
   *
   * @default the global provider, as it is registered when `instrument` is called
   */
  meterProvider?: MeterProvider | undefined;
}

/**
 * Records spans and metrics of all managers of this process, and metrics of all requests to OAuth endpoints, until it is stopped. No attribute holds a
 * token, a secret or a `client_id`.
 *
 * Call it once, after the SDK has registered its providers. In a runtime without `node:diagnostics_channel` it records nothing.
 *
 * @returns a function that stops it. Operations that run at that time are not recorded.
 * @throws {TypeError} if an option is unknown or no provider
 * @example
 * const stop = instrument();
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  assertInstrumentOptions(options);
  const { tracerProvider = trace, meterProvider = metrics } = options;
  const channels = globalThis.process?.getBuiltinModule?.('node:diagnostics_channel');
  if (channels === undefined) return () => undefined;
  const stops = [
    recordSpans(channels, tracerProvider.getTracer(SCOPE)),
    measure(channels, meterProvider.getMeter(SCOPE)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function assertInstrumentOptions({ tracerProvider, meterProvider, ...unknown }: InstrumentOptions): void {
  const [name] = Object.keys(unknown);
  if (name !== undefined)
    throw new TypeError(`instrument has no option ${name}. Use tracerProvider and meterProvider.`);
  if (tracerProvider !== undefined && typeof tracerProvider.getTracer !== 'function')
    throw new TypeError('options.tracerProvider must be a TracerProvider of OpenTelemetry, with getTracer.');
  if (meterProvider !== undefined && typeof meterProvider.getMeter !== 'function')
    throw new TypeError('options.meterProvider must be a MeterProvider of OpenTelemetry, with getMeter.');
}
