import { toSentFailure, type PeerAnswer, type PeerRequest } from './messages.ts';
import type { StoreContractOptions } from './options.ts';
import { createPeerActions } from './peer-actions.ts';

/** Says that this process is a peer, and of which call of `storeContract`. */
export const PEER_VARIABLE = 'OA_STORE_CONTRACT_CALL';

/** The number of the call that this process serves. `undefined` in the process that runs the tests. */
export function servedCall(): number | undefined {
  const call = process.env[PEER_VARIABLE];
  return call === undefined ? undefined : Number(call);
}

/** Does what the process of the tests asks for, until that process ends this one. */
export function servePeer(options: StoreContractOptions): void {
  const actions = createPeerActions(options) as Record<string, (...args: unknown[]) => unknown>;
  process.on('message', (message) => void answer(message as PeerRequest));
  process.on('disconnect', () => process.exit());

  async function answer({ id, action, args }: PeerRequest): Promise<void> {
    let result: PeerAnswer;
    try {
      result = { id, value: await actions[action]?.(...args) };
    } catch (error) {
      result = { id, failure: toSentFailure(error) };
    }
    process.send?.(result);
  }
}
