const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** A turn of the event loop in which nothing else is done takes less. */
const MAX_TURN_MS = 0.2;
/** All deferring work of the process shares one listener for each signal, so that fifty refreshes at once are no leak of listeners. */
let running = 0;
let isListening = false;
let received: NodeJS.Signals | undefined;

/**
 * Runs `work` to its end before a signal ends the process. SIGTERM, SIGINT and SIGHUP are held back, so that the answer of the server is
 * on disk first, and are sent again afterwards. A second signal takes effect at once. Where the program listens for the signal
 * itself, the program decides.
 */
export async function deferSignals<T>(work: () => Promise<T>): Promise<T> {
  if (!isListening && running === 0) listen();
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    if (running === 0) endSoon();
  }
}

function listen(): void {
  isListening = true;
  received = undefined;
  for (const signal of SIGNALS) process.on(signal, holdBack);
}

function endSoon(): void {
  if (received !== undefined) sendAgain();
  else stopAfter(performance.now());
}

/**
 * Stops to listen in a turn of the event loop that has begun just now. Node.js drops a signal that has arrived after the turn began, where the
 * listener is removed in the same turn.
 *
 * @param turnStart when the turn before began, in milliseconds
 */
function stopAfter(turnStart: number): void {
  setImmediate(() => {
    if (running > 0 || !isListening) return;
    const now = performance.now();
    if (now - turnStart < MAX_TURN_MS) sendAgain();
    else stopAfter(now);
  });
}

function holdBack(signal: NodeJS.Signals): void {
  const isFirst = received === undefined;
  received ??= signal;
  if (!isFirst || running === 0) sendAgain();
}

function sendAgain(): void {
  isListening = false;
  for (const signal of SIGNALS) process.off(signal, holdBack);
  if (received !== undefined && process.listenerCount(received) === 0) process.kill(process.pid, received);
}
