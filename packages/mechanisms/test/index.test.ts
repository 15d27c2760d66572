import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import {
  abortable,
  assertNodeVersion,
  createLoader,
  createSingleFlight,
  isObject,
  MAX_TIMER_MS,
  parseJson,
  randomText,
  setBounded,
  sleep,
  startDeadline,
  startTimeout,
  toBase64,
  toBase64Url,
  fromBase64Url,
} from '@oa/mechanisms';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

const reason = new Error('the reason of the caller');

afterEach(() => {
  vi.useRealTimers();
});

describe('createLoader', () => {
  it('loads once, at the first call, and again after a failure', async () => {
    const load = vi.fn<() => Promise<string>>().mockRejectedValueOnce(reason).mockResolvedValue('loaded');
    const loader = createLoader(load);
    expect(load).not.toHaveBeenCalled();
    await expect(loader()).rejects.toBe(reason);
    expect(await Promise.all([loader(), loader()])).toEqual(['loaded', 'loaded']);
    expect(await loader()).toBe('loaded');
    expect(load).toHaveBeenCalledTimes(2);
  });
});

describe('abortable', () => {
  it('resolves and rejects as the promise does', async () => {
    const { signal } = new AbortController();
    for (const given of [signal, null, undefined]) {
      expect(await abortable(Promise.resolve(1), given)).toBe(1);
      await expect(abortable(Promise.reject(reason), given)).rejects.toBe(reason);
    }
  });

  it('rejects with the reason of the signal while the promise is pending', async () => {
    const controller = new AbortController();
    const waiting = abortable(never(), controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('rejects when the signal aborted before the call, even if the promise has a value', async () => {
    const signal = AbortSignal.abort(reason);
    await expect(abortable(never(), signal)).rejects.toBe(reason);
    await expect(abortable(Promise.resolve(1), signal)).rejects.toBe(reason);
  });

  it('removes its listener after a value, an error and an abort', async () => {
    const controller = new AbortController();
    const count = countListeners(controller.signal);
    await abortable(Promise.resolve(1), controller.signal);
    await expect(abortable(Promise.reject(reason), controller.signal)).rejects.toBe(reason);
    const waiting = abortable(never(), controller.signal);
    expect(count()).toBe(1);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(count()).toBe(0);
  });
});

describe('sleep', () => {
  it('resolves after the time', async () => {
    vi.useFakeTimers();
    const ended = vi.fn<() => void>();
    const sleeping = sleep(1000).then(ended);
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await sleeping;
    expect(ended).toHaveBeenCalledOnce();
  });

  it.each([MAX_TIMER_MS + 1, Number.POSITIVE_INFINITY])('cuts a wait of %d ms to the longest timer', async (time) => {
    vi.useFakeTimers();
    const ended = vi.fn<() => void>();
    const sleeping = sleep(time).then(ended);
    await vi.advanceTimersByTimeAsync(MAX_TIMER_MS - 1);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await sleeping;
  });

  it('rejects with the reason of the signal, and leaves no timer', async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const sleeping = sleep(1000, controller.signal);
    expect(vi.getTimerCount()).toBe(1);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('starts no timer when the signal aborted before the call', async () => {
    vi.useFakeTimers();
    const sleeping = sleep(1000, AbortSignal.abort(reason));
    expect(vi.getTimerCount()).toBe(0);
    await expect(sleeping).rejects.toBe(reason);
  });
});

describe('createSingleFlight', () => {
  it('runs work once for the callers of one key, and gives all of them its value', async () => {
    const flights = createSingleFlight<object>();
    const work = vi.fn<() => Promise<object>>(async () => ({}));
    const [first, second] = await Promise.all([flights.run('a', work, undefined), flights.run('a', work, undefined)]);
    expect(first).toBe(second);
    expect(work).toHaveBeenCalledOnce();
  });

  it('gives all callers the error of the work, and starts new work for the next caller', async () => {
    const flights = createSingleFlight<number>();
    const failing = async (): Promise<number> => {
      throw reason;
    };
    const results = await Promise.allSettled([
      flights.run('a', failing, undefined),
      flights.run('a', failing, undefined),
    ]);
    expect(results).toMatchObject([{ reason }, { reason }]);
    expect(await flights.run('a', async () => 2, undefined)).toBe(2);
  });

  it('keeps the work of different keys apart', async () => {
    const flights = createSingleFlight<string>();
    const results = [flights.run('a', async () => 'a', undefined), flights.run('b', async () => 'b', undefined)];
    expect(await Promise.all(results)).toEqual(['a', 'b']);
  });

  it('says whether work runs for a key', async () => {
    const flights = createSingleFlight<number>();
    const { promise, resolve } = Promise.withResolvers<number>();
    const running = flights.run('a', () => promise, undefined);
    expect([flights.has('a'), flights.has('b')]).toEqual([true, false]);
    resolve(1);
    await running;
    expect(flights.has('a')).toBe(false);
  });

  it('ends the wait of the aborted caller only', async () => {
    const flights = createSingleFlight<number>();
    const { promise, resolve } = Promise.withResolvers<number>();
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const work = (signal: AbortSignal): Promise<number> => {
      signals.push(signal);
      return promise;
    };
    const aborted = flights.run('a', work, controller.signal);
    const other = flights.run('a', work, undefined);
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(signals[0]?.aborted).toBe(false);
    resolve(1);
    expect(await other).toBe(1);
    expect(signals).toHaveLength(1);
  });

  it('aborts the work when the last caller has left, with the reason of that caller', async () => {
    const flights = createSingleFlight<number>();
    const callers = [new AbortController(), new AbortController()];
    const signals: AbortSignal[] = [];
    const work = (signal: AbortSignal): Promise<number> => {
      signals.push(signal);
      return abortable(never(), signal);
    };
    const results = callers.map(({ signal }) => flights.run('a', work, signal));
    callers[0]?.abort(new Error('first'));
    await expect(results[0]).rejects.toThrow('first');
    expect(signals[0]?.aborted).toBe(false);
    callers[1]?.abort(reason);
    await expect(results[1]).rejects.toBe(reason);
    expect(signals[0]?.reason).toBe(reason);
  });

  it('starts the next work only after the aborted work has ended, once for all callers', async () => {
    const flights = createSingleFlight<string>();
    const order: string[] = [];
    const end = Promise.withResolvers<void>();
    const stubborn = async (): Promise<string> => {
      await end.promise;
      order.push('aborted work ended');
      return 'old';
    };
    const next = async (): Promise<string> => {
      order.push('next work started');
      return 'new';
    };
    const controller = new AbortController();
    const first = flights.run('a', stubborn, controller.signal);
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    const results = [flights.run('a', next, undefined), flights.run('a', next, undefined)];
    await settleMicrotasks();
    expect(order).toEqual([]);
    expect(flights.has('a')).toBe(true);
    end.resolve();
    expect(await Promise.all(results)).toEqual(['new', 'new']);
    expect(order).toEqual(['aborted work ended', 'next work started']);
  });

  it('lets a caller stop waiting for aborted work', async () => {
    const flights = createSingleFlight<number>();
    const controllers = [new AbortController(), new AbortController()];
    const work = vi.fn<() => Promise<number>>(never);
    const results = controllers.map(({ signal }) => flights.run('a', work, signal));
    for (const controller of controllers) controller.abort(reason);
    await Promise.allSettled(results);
    const last = new AbortController();
    const waiting = flights.run('a', work, last.signal);
    last.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(work).toHaveBeenCalledOnce();
  });

  it('starts nothing for a caller whose signal aborted before the call', async () => {
    const flights = createSingleFlight<number>();
    const work = vi.fn<() => Promise<number>>(async () => 1);
    await expect(flights.run('a', work, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
  });
});

describe('startDeadline', () => {
  it('counts down to 1 ms, and not below', () => {
    vi.useFakeTimers();
    const left = startDeadline(1000);
    expect(left()).toBe(1000);
    vi.advanceTimersByTime(400);
    expect(left()).toBe(600);
    vi.advanceTimersByTime(10_000);
    expect(left()).toBe(1);
  });

  it('returns whole milliseconds, rounded up', () => {
    vi.useFakeTimers();
    expect(startDeadline(999.5)()).toBe(1000);
    expect(startDeadline(0.5)()).toBe(1);
  });

  it.each([undefined, 0, -1, Number.NaN, '1000' as unknown as number])('returns %j as it came', (timeout) => {
    vi.useFakeTimers();
    const left = startDeadline(timeout);
    vi.advanceTimersByTime(400);
    expect(left()).toBe(timeout);
  });
});

describe('setBounded', () => {
  it('deletes the oldest entries above the limit', () => {
    const map = new Map<string, number>();
    for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) setBounded(map, key, index, 3);
    expect([...map]).toEqual([
      ['b', 1],
      ['c', 2],
      ['d', 3],
    ]);
    setBounded(map, 'e', 4, 1);
    expect([...map]).toEqual([['e', 4]]);
  });

  it('makes an entry that is set again the newest', () => {
    const map = new Map([
      ['a', 0],
      ['b', 1],
    ]);
    setBounded(map, 'a', 2, 2);
    setBounded(map, 'c', 3, 2);
    expect([...map.keys()]).toEqual(['a', 'c']);
  });
});

describe('parseJson', () => {
  it.each([
    ['{"a":[1]}', { a: [1] }],
    ['null', null],
    ['"text"', 'text'],
    ['', undefined],
    ['{"a":', undefined],
    ['SECRET', undefined],
  ])('reads %j as %j', (text, expected) => {
    expect(parseJson(text)).toEqual(expected);
  });
});

describe('isObject', () => {
  it.each([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    [undefined, false],
    ['text', false],
    [1, false],
    [() => undefined, false],
  ])('answers for %j: %j', (value, expected) => {
    expect(isObject(value)).toBe(expected);
  });
});

describe('base64 (RFC 4648)', () => {
  const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

  it.each(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'])('encodes the test vector %j of section 10', (text) => {
    const bytes = new TextEncoder().encode(text);
    expect(toBase64(bytes)).toBe(Buffer.from(text).toString('base64'));
    expect(toBase64Url(bytes)).toBe(Buffer.from(text).toString('base64url'));
  });

  it('encodes every byte, also those above 0x7f', () => {
    expect(toBase64(everyByte)).toBe(Buffer.from(everyByte).toString('base64'));
    expect(toBase64Url(everyByte)).toBe(Buffer.from(everyByte).toString('base64url'));
    expect(toBase64Url(Uint8Array.of(0xfb, 0xff, 0xfe, 0xff))).toBe('-__-_w');
    expect(fromBase64Url(toBase64Url(everyByte))).toEqual(everyByte);
  });

  it.each(['a', 'abcde', 'YQ==', 'a+b/', 'a b', 'ä'])('decodes no bytes of %j', (text) => {
    expect(fromBase64Url(text)).toBeUndefined();
  });

  it('encodes 4 MiB without overflowing the stack', () => {
    const bytes = new Uint8Array(4 * 1024 * 1024).fill(0xff);
    expect(toBase64(bytes) === Buffer.from(bytes).toString('base64')).toBe(true);
  });
});

describe('randomText', () => {
  it('returns 43 base64url characters that differ each time and reach every value of every character', () => {
    const texts = Array.from({ length: 2000 }, randomText);
    for (const text of texts) expect(text).toMatch(/^[\w-]{43}$/);
    expect(new Set(texts).size).toBe(texts.length);
    for (let position = 0; position < 42; position += 1)
      expect(new Set(texts.map((text) => text[position])).size).toBe(64);
  });
});

describe('assertNodeVersion', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each(['18.20.8', '20.10.0', '22.12.9', '4.0.0'])('refuses Node.js %s with one sentence', (node) => {
    vi.stubGlobal('process', { versions: { node } });
    expect(assertNodeVersion).toThrow(
      new Error(`The @oa packages need Node.js 22.13 or newer, and this is Node.js ${node}. Update Node.js.`),
    );
  });

  it.each(['22.13.0', '22.20.1', '23.0.0', '24.1.0', '100.0.0'])('accepts Node.js %s', (node) => {
    vi.stubGlobal('process', { versions: { node } });
    expect(assertNodeVersion).not.toThrow();
  });

  it.each(['Deno', 'Bun'])('accepts %s, which names an old Node.js', (name) => {
    vi.stubGlobal('process', { versions: { node: '20.11.1' } });
    vi.stubGlobal(name, {});
    expect(assertNodeVersion).not.toThrow();
  });

  it.each([undefined, {}, { versions: {} }])('accepts a browser, where process is %o', (process) => {
    vi.stubGlobal('process', process);
    expect(assertNodeVersion).not.toThrow();
  });
});

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

/** Lets everything run that waits for no timer and no I/O. */
async function settleMicrotasks(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Counts the listeners that are attached to `signal`. */
function countListeners(signal: AbortSignal): () => number {
  const add = vi.spyOn(signal, 'addEventListener');
  const remove = vi.spyOn(signal, 'removeEventListener');
  return () => add.mock.calls.length - remove.mock.calls.length;
}

it('calls back after what arrived while the event loop was blocked', async () => {
  const order: string[] = [];
  const over = Promise.withResolvers<void>();
  const socket = connect(await startGreeter());
  socket.once('data', () => order.push('answer'));
  await once(socket, 'connect');
  startTimeout(() => {
    order.push('timeout');
    over.resolve();
  }, 200);
  // The greeting arrives meanwhile, and is read only afterwards.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
  await over.promise;
  socket.destroy();
  expect(order).toEqual(['answer', 'timeout']);
});

it('leaves time for the answer to what was sent right after the event loop was blocked', async () => {
  const order: string[] = [];
  const over = Promise.withResolvers<void>();
  startTimeout(() => {
    order.push('timeout');
    over.resolve();
  }, 4000);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
  setTimeout(() => order.push('answer'), 1000);
  await over.promise;
  expect(order).toEqual(['answer', 'timeout']);
});

it('does not call back after it is cancelled', async () => {
  const calls: string[] = [];
  const cancel = startTimeout(() => calls.push('cancelled'), 20);
  startTimeout(() => calls.push('kept'), 20);
  cancel();
  await expect.poll(() => calls, { timeout: 20_000 }).toContain('kept');
  expect(calls).toEqual(['kept']);
});

/** A server in a thread of its own, which greets each client after 100 ms. Returns its port. */
async function startGreeter(): Promise<number> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer((socket) => setTimeout(() => socket.end('hello'), 100));
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
  const worker = new Worker(code, { eval: true });
  onTestFinished(() => void worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  return port;
}
