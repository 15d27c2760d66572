import { context as contexts, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api';
import type { TraceContexts } from '@oa/types';
import { toServerAttributes, toTokenAttributes } from './attributes.ts';
import { subscribe, type Channels } from './subscribe.ts';

/** The names of the spans. Requests have none: the HTTP instrumentation of the program makes them, below these. */
const SPAN_NAMES = { 'oa:get': 'oa.get', 'oa:refresh': 'oa.refresh', 'oa:login': 'oa.login' } as const;

/** @returns a function that stops it */
export function recordSpans(channels: Channels, tracer: Tracer): () => void {
  const names = Object.keys(SPAN_NAMES) as (keyof typeof SPAN_NAMES)[];
  const stops = names.map((name) => recordSpansOf(channels, name, tracer));
  return () => {
    for (const stop of stops) stop();
  };
}

function recordSpansOf(channels: Channels, name: keyof typeof SPAN_NAMES, tracer: Tracer): () => void {
  const spans = new WeakMap<object, Span>();
  return subscribe(channels, name, {
    start(operation) {
      const active = contexts.active();
      const span = tracer.startSpan(SPAN_NAMES[name], {}, active);
      spans.set(operation, span);
      const { around } = operation;
      const inSpan = <T>(work: () => T): T => contexts.with(trace.setSpan(active, span), work);
      // Another subscriber may have set it.
      operation.around = around === undefined ? inSpan : (work) => around(() => inSpan(work));
    },
    asyncEnd(operation) {
      const span = spans.get(operation);
      if (span === undefined) return;
      span.setAttributes(toSpanAttributes(operation));
      // Without a message: it could repeat what a server says.
      if (operation.code !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  });
}

function toSpanAttributes(operation: TraceContexts[keyof typeof SPAN_NAMES]): Record<string, string | number> {
  const { issuer } = operation;
  return {
    ...toServerAttributes(issuer),
    ...toTokenAttributes(operation),
    ...(issuer !== undefined && { 'oa.issuer': issuer }),
  };
}
