import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess } from '@oa-internal/testing';
import { expect, it, vi } from 'vitest';
import { deferSignals } from '../src/defer-signals.ts';

/** Sends the signals one after the other once the work has started. */
async function run(
  signals: NodeJS.Signals[],
  listens = false,
): Promise<{ output: string; end: string | number | null }> {
  const child = startProcess(new URL('programs/defer-signals.ts', import.meta.url), { task: { listens } });
  await child.printed('started');
  for (const signal of signals) {
    child.kill(signal);
    await sleep(50);
  }
  const { stdout, code, signal } = await child.ended;
  return { output: stdout, end: signal ?? code };
}

it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('delays %s until the work is done', async (signal) => {
  expect(await run([signal])).toEqual({ output: 'started finished ', end: signal });
});

it('lets a second signal end the process at once', async () => {
  expect(await run(['SIGINT', 'SIGINT'])).toEqual({ output: 'started ', end: 'SIGINT' });
});

it('leaves the decision to a program that listens for the signal', async () => {
  const { output, end } = await run(['SIGTERM'], true);
  expect(output).toBe('started finished ');
  expect(end).toBe(7);
});

it('leaves no listener behind', async () => {
  const before = process.listenerCount('SIGTERM');
  expect(await deferSignals(async () => process.listenerCount('SIGTERM'))).toBe(before + 1);
  await vi.waitFor(() => expect(process.listenerCount('SIGTERM')).toBe(before));
  await expect(deferSignals(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await vi.waitFor(() => expect(process.listenerCount('SIGTERM')).toBe(before));
  const calls = Array.from({ length: 3 }, () => deferSignals(async () => process.listenerCount('SIGTERM')));
  expect(await Promise.all(calls)).toEqual([before + 1, before + 1, before + 1]);
  await vi.waitFor(() => expect(process.listenerCount('SIGTERM')).toBe(before));
});

it('loses no signal that arrives while the work ends', async () => {
  // The event loop has not told of the signal yet when the work ends: it is blocked.
  const child = startProcess(new URL('programs/late-signal.ts', import.meta.url), {});
  await child.printed('blocked');
  child.kill('SIGTERM');
  const { code, signal } = await child.ended;
  expect(signal ?? code).toBe('SIGTERM');
});

it('leaves a signal to another listener, also the second one', async () => {
  const heard: string[] = [];
  const listener = (signal: string): void => void heard.push(signal);
  process.on('SIGHUP', listener);
  await deferSignals(async () => {
    process.emit('SIGHUP', 'SIGHUP');
    process.emit('SIGHUP', 'SIGHUP');
  });
  process.off('SIGHUP', listener);
  expect(heard).toEqual(['SIGHUP', 'SIGHUP']);
});

it('sends the same signal to this process afterwards', async () => {
  const before = process.listeners('SIGHUP');
  process.removeAllListeners('SIGHUP');
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  await deferSignals(async () => {
    process.emit('SIGHUP', 'SIGHUP');
    expect(kill).not.toHaveBeenCalled();
  });
  expect(kill.mock.calls).toEqual([[process.pid, 'SIGHUP']]);
  kill.mockRestore();
  for (const listener of before) process.on('SIGHUP', listener);
});

it('keeps a signal that came before other work began, and adds one listener for much work at once', async () => {
  const before = process.listeners('SIGHUP');
  process.removeAllListeners('SIGHUP');
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const early = deferSignals(() => first.promise);
  process.emit('SIGHUP', 'SIGHUP');
  const late = Promise.all(Array.from({ length: 50 }, () => deferSignals(() => second.promise)));
  expect(process.listenerCount('SIGHUP')).toBe(1);
  first.resolve();
  await early;
  expect(kill).not.toHaveBeenCalled();
  second.resolve();
  await late;
  expect(kill.mock.calls).toEqual([[process.pid, 'SIGHUP']]);
  kill.mockRestore();
  for (const listener of before) process.on('SIGHUP', listener);
});
