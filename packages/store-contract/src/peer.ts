import { fork } from 'node:child_process';
import { once } from 'node:events';
import { toFailure, type PeerAnswer, type PeerRequest } from './messages.ts';
import type { PeerActions } from './peer-actions.ts';
import { PEER_VARIABLE } from './peer-process.ts';

/** Another process that has opened the store, and does what a case asks for. */
export interface Peer {
  /** Does one action there. Rejects with a copy of its error, and if the process has ended. */
  call: <N extends keyof PeerActions>(
    action: N,
    ...args: Parameters<PeerActions[N]>
  ) => Promise<Awaited<ReturnType<PeerActions[N]>>>;
  /** Stops the process, or lets it go on. */
  signal: (signal: 'SIGSTOP' | 'SIGCONT') => void;
  /** Ends the process, and waits until it has ended. */
  end: (signal: 'SIGKILL') => Promise<void>;
}

const MAX_ERROR_CHARACTERS = 4000;

/**
 * Starts the file of this test once more.
 *
 * @param call the number of the call of `storeContract` in that file
 */
export function startPeer(call: number): Peer {
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const child = fork(process.argv[1] ?? '', [], {
    execArgv: process.execArgv.filter((argument) => !argument.startsWith('--test')),
    env: { ...env, [PEER_VARIABLE]: String(call) },
    serialization: 'advanced',
    // What the file prints must not become a part of the report.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  let errors = '';
  let hasEnded = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = `${errors}${text}`.slice(-MAX_ERROR_CHARACTERS);
  });
  child.on('message', (message) => {
    const { id, ...answer } = message as PeerAnswer;
    if ('failure' in answer) pending.get(id)?.reject(toFailure(answer.failure));
    else pending.get(id)?.resolve(answer.value);
    pending.delete(id);
  });
  child.once('close', (code, signal) => {
    hasEnded = true;
    for (const { reject } of pending.values())
      reject(new Error(`A process of the contract has ended (${signal ?? code}). ${errors}`.trimEnd()));
    pending.clear();
  });

  function request(action: string, args: readonly unknown[]): Promise<unknown> {
    if (hasEnded) return Promise.reject(new Error(`A process of the contract has ended. ${errors}`.trimEnd()));
    calls += 1;
    const answer = Promise.withResolvers<unknown>();
    pending.set(calls, answer);
    const message: PeerRequest = { id: calls, action, args };
    child.send(message, (error) => void (error !== null && answer.reject(error)));
    // A case that ends early does not wait for its answers.
    answer.promise.catch(() => undefined);
    return answer.promise;
  }

  async function end(signal: 'SIGKILL'): Promise<void> {
    if (hasEnded) return;
    child.kill(signal);
    await once(child, 'close');
  }

  return {
    call: (action, ...args) => request(action, args) as Promise<Awaited<ReturnType<PeerActions[typeof action]>>>,
    signal: (signal) => void child.kill(signal),
    end,
  };
}
