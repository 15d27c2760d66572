import { describe, it } from 'node:test';
import { runCase, type ContractCase } from './case.ts';
import { damageCases } from './damage.ts';
import { deathCases } from './deaths.ts';
import { failureCases } from './failures.ts';
import { lockCases } from './locks.ts';
import { assertContractOptions, type StoreContractOptions } from './options.ts';
import { outageCases } from './outages.ts';
import { servedCall, servePeer } from './peer-process.ts';
import { reservationCases } from './reservations.ts';
import { valueCases } from './values.ts';
import { waitCases } from './waits.ts';

/** A file may test several stores. Its processes must know which of its calls they belong to. */
let calls = 0;

/**
 * Registers the cases that show whether a store keeps the promises of `Store` in `@oa/types`, as tests of `node:test`. Run the file that
 * calls it with `node --test`, in a process of its own (the default).
 *
 * The cases start this file again, to have several processes. The call then opens the store and does what the cases ask for.
 *
 * @throws {TypeError} if an option is wrong
 * @example
 * ```ts
 * storeContract({
 *   open: (name) => {
 *     const client = new DynamoDBClient({});
 *     return { store: dynamoStore({ client, prefix: name }), close: () => client.destroy() };
 *   },
 * });
 * ```
 */
export function storeContract(options: StoreContractOptions): void {
  assertContractOptions(options);
  calls += 1;
  const call = calls;
  if (servedCall() !== undefined) {
    if (servedCall() === call) servePeer(options);
    return;
  }
  const register = (title: string, cases: Record<string, ContractCase>, skip: string | false = false): void =>
    void describe(title, () => {
      for (const [behaviour, run] of Object.entries(cases))
        void it(behaviour, { skip }, (t) => runCase(run, t, options, call));
    });
  register('values', valueCases);
  register('lock', lockCases);
  register('the wait for a lock', waitCases);
  register('the failure of a lock holder', failureCases);
  register('reserve', reservationCases);
  register('a holder that is killed or stopped', deathCases);
  register('an engine that is away', outageCases, options.kill === undefined && 'The option kill is missing.');
  register('a damaged value', damageCases, options.corrupt === undefined && 'The option corrupt is missing.');
}
