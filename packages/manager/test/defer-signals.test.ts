import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { deferSignals } from '../src/defer-signals.ts';
import { expect, test, vi } from 'vitest';

const program = (listener: string): string => `
  import { setTimeout as sleep } from 'node:timers/promises';
  import { deferSignals } from '@oa/private-file';
  ${listener}
  await deferSignals(async () => {
    process.stdout.write('started ');
    await sleep(400);
    process.stdout.write('finished ');
  });
  await sleep(5000);
  process.stdout.write('went on ');
`;

/** Sends the signals one after the other once the work has started. */
async function run(signals: NodeJS.Signals[], listener = ''): Promise<{ output: string; end: string | number | null }> {
  const child = spawn(process.execPath, ['--conditions=@oa/source', '--input-type=module', '-e', program(listener)], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await expect.poll(() => output, { timeout: 10_000 }).toContain('started');
  for (const signal of signals) {
    child.kill(signal);
    await sleep(50);
  }
  const [code, signal] = await closed;
  return { output, end: signal ?? code };
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s during the work takes its course when the work is done',
  async (signal) => {
    expect(await run([signal])).toEqual({ output: 'started finished ', end: signal });
  },
);

test('a second signal ends the process at once', async () => {
  expect(await run(['SIGINT', 'SIGINT'])).toEqual({ output: 'started ', end: 'SIGINT' });
});

test('a program that listens for the signal decides itself', async () => {
  const { output, end } = await run(
    ['SIGTERM'],
    "process.on('SIGTERM', () => setTimeout(() => process.exit(7), 600));",
  );
  expect(output).toBe('started finished ');
  expect(end).toBe(7);
});

test('without a signal nothing changes, and no listener stays', async () => {
  const before = process.listenerCount('SIGTERM');
  expect(await deferSignals(async () => process.listenerCount('SIGTERM'))).toBe(before + 1);
  expect(process.listenerCount('SIGTERM')).toBe(before);
  await expect(deferSignals(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test('a signal that somebody else listens for is left to them, also the second', async () => {
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

test('what takes its course afterwards is the same signal, sent to this process itself', async () => {
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

test('work that begins after the signal does not swallow it, and much at once adds one listener', async () => {
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
