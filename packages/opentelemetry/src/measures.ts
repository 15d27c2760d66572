import type { Histogram, Meter } from '@opentelemetry/api';
import type { TraceContexts } from '@oa/types';
import { toErrorAttributes, toServerAttributes, toTokenAttributes } from './attributes.ts';
import { subscribe, type Channels } from './subscribe.ts';

/** From a token in memory to a user who logs in. In seconds. */
const DURATIONS = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const MIN_ERROR_STATUS_CODE = 400;

/** @returns a function that stops it */
export function measure(channels: Channels, meter: Meter): () => void {
  const requests = meter.createCounter('oa.token.requests', {
    description: 'Calls that ask a manager for a token, by where the token is from.',
    unit: '{request}',
  });
  const tokens = createDurations(meter, 'oa.token.duration', 'The time until a manager has handed out a token.');
  const stops = [
    measureDurations(channels, 'oa:get', tokens, (operation) => {
      const attributes = { ...toServerAttributes(operation.issuer), ...toTokenAttributes(operation) };
      requests.add(1, attributes);
      return attributes;
    }),
    measureDurations(
      channels,
      'oa:request',
      createDurations(meter, 'oa.request.duration', 'The time of an attempt of a request to an OAuth endpoint.'),
      toRequestAttributes,
    ),
    measureDurations(
      channels,
      'oa:lock',
      createDurations(meter, 'oa.lock.wait.duration', 'The time that a call waits for the lock of a token.'),
      ({ issuer, outcome, code }) => ({
        ...toServerAttributes(issuer),
        ...(outcome !== undefined && { 'oa.lock.outcome': outcome }),
        ...toErrorAttributes(code),
      }),
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function createDurations(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: DURATIONS } });
}

/** Failures are recorded too, with their duration. */
function measureDurations<N extends keyof TraceContexts>(
  channels: Channels,
  name: N,
  histogram: Histogram,
  toAttributes: (operation: TraceContexts[N]) => Record<string, string | number>,
): () => void {
  const starts = new WeakMap<object, number>();
  return subscribe(channels, name, {
    start: (operation) => starts.set(operation, performance.now()),
    asyncEnd(operation) {
      const start = starts.get(operation);
      if (start !== undefined) histogram.record((performance.now() - start) / 1000, toAttributes(operation));
    },
  });
}

/** @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ */
function toRequestAttributes({
  method,
  url,
  status,
  code,
}: TraceContexts['oa:request']): Record<string, string | number> {
  const failed = status !== undefined && status >= MIN_ERROR_STATUS_CODE ? String(status) : undefined;
  return {
    'http.request.method': method,
    ...toServerAttributes(url),
    ...(status !== undefined && { 'http.response.status_code': status }),
    ...toErrorAttributes(code ?? failed),
  };
}
