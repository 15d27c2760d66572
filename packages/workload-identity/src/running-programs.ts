/** What ends each program that runs. One listener serves all of them: Node.js warns of more than ten. */
const endsOfRunning = new Set<() => void>();

/** Lets a program end with this process. As a process group of its own it would go on alone. */
export function addRunning(end: () => void): void {
  if (endsOfRunning.size === 0) process.on('exit', endAll);
  endsOfRunning.add(end);
}

/** Forgets a program that has ended. */
export function removeRunning(end: () => void): void {
  endsOfRunning.delete(end);
  if (endsOfRunning.size === 0) process.off('exit', endAll);
}

function endAll(): void {
  for (const end of endsOfRunning) end();
}
