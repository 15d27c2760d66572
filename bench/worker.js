// Runs one job with one adapter in a process of its own: `node worker.js ADAPTER JOB SETTINGS`. It is JavaScript, because stripping types
// costs as much as some of the jobs. The last line of its output is what it measured.
const [, , adapter, job, text = '{}'] = process.argv;
const { writeSync } = process.getBuiltinModule('node:fs');
const settings = JSON.parse(text);
const measured = {};

process.on('exit', () => {
  const line = { peakMb: process.resourceUsage().maxRSS / 1024, ...measured };
  writeSync(1, `${JSON.stringify(line)}\n`);
});

const module = adapter === 'node' ? {} : await import(`./adapters/${adapter}.js`);
if (settings.calls !== undefined) await repeat(await module[job](settings));
else if (settings.sampleMs !== undefined) await sample(module[job](settings));
else if (job !== 'import') await module[job](settings);

/** Measures the CPU of one call, in a process that has made some before. */
async function repeat(operation) {
  for (let call = 0; call < settings.calls / 4; call++) await operation();
  const before = process.cpuUsage();
  for (let call = 0; call < settings.calls; call++) await operation();
  const { user, system } = process.cpuUsage(before);
  measured.callUs = (user + system) / settings.calls;
}

/** Measures the CPU a second while `waiting` waits, without its start and its end. */
async function sample(waiting) {
  waiting.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, settings.sampleMs));
  const before = process.cpuUsage();
  const start = process.uptime();
  await new Promise((resolve) => setTimeout(resolve, settings.sampleMs));
  const { user, system } = process.cpuUsage(before);
  measured.waitingMs = (user + system) / 1000 / (process.uptime() - start);
  await waiting;
}
