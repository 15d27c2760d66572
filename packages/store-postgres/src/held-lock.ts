import { randomText, sleep } from '@oa/mechanisms';
import type { EngineLock } from '@oa/shared-store';
import { attempt } from '@oa/types';
import type { Connection, Row } from './connection.ts';
import { sessionLost, transactionPooling } from './failures.ts';
import { toStoredRow, type LockRequest, type Sign } from './request-lock.ts';
import type { LockSession } from './session.ts';
import { failureDigestOf, type Statements } from './statements.ts';
import type { TableName } from './table.ts';

/** What the locks of one store share. */
export interface LockContext {
  table: TableName;
  session: LockSession;
  statements: Statements;
  requestLock(connection: Connection, digest: string): Promise<LockRequest>;
  /** Runs a statement over the session of the locks, or any other connection. */
  run(text: string, values: (string | null)[]): Promise<Row[]>;
}

const MIN_RETAKE_DELAY_MS = 50;
const MAX_RETAKE_DELAY_MS = 500;
/** An answer with the next refresh token is worth waiting for a restart or a failover of the engine. */
const MAX_WRITE_WAIT_MS = 30_000;
const WRITE_RETRY_DELAY_MS = 200;

/** The session that has a lock. */
interface HoldingSession {
  connection: Connection;
  pid: LockRequest['pid'];
}

/** `unsure`: the answer to the statement that leaves or removes it is lost. */
type SignState = 'none' | 'left' | 'unsure';

/**
 * Creates the lock of a holder. Where its connection ends while the holder lives, it takes the lock again over a new one, unless another
 * holder has left its sign or written since.
 */
export function createHeldLock(
  context: LockContext,
  digest: string,
  connection: Connection,
  { pid, row }: LockRequest,
): EngineLock {
  const { session, statements, table } = context;
  const holder = randomText();
  let { version } = row;
  let signState: SignState = 'none';
  let isEnded = false;
  let held: HoldingSession | undefined;
  let retaking: Promise<void> | undefined;

  function hold(next: HoldingSession): void {
    held = next;
    next.connection.onBreak(() => {
      if (held !== next) return;
      held = undefined;
      if (!isEnded) retaking = retake();
    });
  }

  async function retake(): Promise<void> {
    for (let delay = MIN_RETAKE_DELAY_MS; ; delay = Math.min(delay * 2, MAX_RETAKE_DELAY_MS)) {
      const retaken = await attempt(retakeOnce());
      if (isEnded || (retaken.ok && retaken.value)) return;
      await sleep(delay);
    }
  }

  /** @returns whether it is decided */
  async function retakeOnce(): Promise<boolean> {
    const next = await session.join();
    let request: LockRequest | undefined;
    try {
      request = await context.requestLock(next, digest);
    } finally {
      if (request?.isLocked !== true) session.leave(next);
    }
    const isOurs = !isEnded && request.row.version === version && isOwnSign(request.row.sign);
    if (request.isLocked && isOurs) hold({ connection: next, pid: request.pid });
    else if (request.isLocked) await session.unlock(next, digest);
    return request.isLocked || !isOurs;
  }

  function isOwnSign(sign: Sign | undefined): boolean {
    return sign?.by === holder || (signState !== 'left' && sign?.by === row.sign?.by);
  }

  async function write(text: string | undefined): Promise<boolean> {
    const rows = await context.run(...writeStatement(text));
    if (rows.length > 0) version = text === undefined ? undefined : rows[0]?.['version'];
    else if (!(await isWritten(text))) return false;
    signState = 'none';
    return true;
  }

  function writeStatement(text: string | undefined): [string, (string | null)[]] {
    const digests = [digest, failureDigestOf(digest)];
    if (text === undefined) return [statements.remove, [...digests, version ?? '0']];
    if (version === undefined) return [statements.insert, [...digests, text]];
    return [statements.update, [...digests, text, version]];
  }

  /** Whether it is there already: the answer to an earlier attempt can be lost. */
  async function isWritten(text: string | undefined): Promise<boolean> {
    const stored = toStoredRow(digest, await context.run(statements.read, [digest, failureDigestOf(digest)]));
    if (stored.state.text !== text) return false;
    version = stored.version;
    return true;
  }

  async function writePatiently(text: string | undefined): Promise<boolean> {
    const start = performance.now();
    for (;;) {
      const written = await attempt(write(text));
      if (written.ok) return written.value;
      // Without a request under way nothing is lost that does not come again.
      if (signState !== 'left' || performance.now() - start > MAX_WRITE_WAIT_MS) throw written.error;
      await sleep(WRITE_RETRY_DELAY_MS);
    }
  }

  async function reserve(): Promise<boolean> {
    if (held === undefined) throw sessionLost(table);
    const { connection: own, pid: ownPid } = held;
    signState = 'unsure';
    const statement = version === undefined ? statements.reserveNew : statements.reserve;
    const [reserved] = await own.run(statement, [digest, holder, ...(version === undefined ? [] : [version])]);
    // Another holder has written since.
    if (reserved === undefined) throw sessionLost(table);
    if (reserved['pid'] !== ownPid) throw transactionPooling(table);
    version = reserved['version'];
    signState = 'left';
    return row.sign !== undefined;
  }

  /** An earlier sign comes back, as that of a holder that has ended. */
  async function release(): Promise<void> {
    signState = 'unsure';
    const released = await attempt(context.run(statements.release, [digest, holder, row.sign?.at ?? null]));
    if (released.ok) signState = 'none';
  }

  async function end(failure: string | undefined): Promise<void> {
    isEnded = true;
    for (let last; last !== retaking;) await (last = retaking);
    if (signState === 'left') await attempt(context.run(statements.endSign, [digest, holder]));
    if (signState === 'unsure') await release();
    if (failure !== undefined)
      await attempt(context.run(statements.fail, [failureDigestOf(digest), failure, randomText()]));
    if (held !== undefined) await session.unlock(held.connection, digest);
  }

  hold({ connection, pid });
  return {
    reserve,
    release,
    write: writePatiently,
    end,
    assertHeld() {
      if (held === undefined) throw sessionLost(table);
    },
  };
}
