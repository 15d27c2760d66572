import { createManager } from '@oa/manager';
import { instrument } from '@oa/opentelemetry';
import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import assert from 'node:assert/strict';
import { client, server } from './server.mjs';

const names = [];
const tracer = {
  startSpan(name) {
    names.push(name);
    return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  },
};
const stop = instrument({ tracerProvider: { getTracer: () => tracer } });
const manager = createManager({ cache: new Map() });
await manager.getToken(server, client);
stop();
await manager.getToken(server, client);
assert.deepEqual(names, ['oa.get']);
