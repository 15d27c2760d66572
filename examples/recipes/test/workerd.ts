import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isBuilt } from '@oa-internal/testing';
import { rolldown } from 'rolldown';

/** A running workerd, the runtime of Cloudflare Workers. */
export interface Workerd {
  /** The addresses of its Workers, by name. */
  urls: Record<string, string>;
  /** What it has printed so far. */
  output: () => string;
  /** Kills it at once, with all its isolates and objects. */
  kill: () => Promise<void>;
}

/** A Worker, with the text of its only module. */
export interface WorkerModule {
  code: string;
  /** Bindings of text. */
  variables: Record<string, string>;
}

/**
 * Finds workerd, which is an optional dependency, because it runs on few platforms.
 *
 * @returns `undefined` if it is missing, and says on stderr that the tests are skipped
 * @throws {Error} under CI, where the tests must run
 */
export function findWorkerd(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(
      `@cloudflare/workerd-linux-${process.arch === 'x64' ? '64' : process.arch}/bin/workerd`,
    );
  } catch {
    const missing = `workerd is not installed for ${process.platform} ${process.arch}`;
    if (process.env['CI'] !== undefined) throw new Error(`${missing}. The tests of Durable Objects need it.`);
    process.stderr.write(`${missing}: the tests of Durable Objects are skipped.\n`);
    return undefined;
  }
}

/** Bundles a Worker into one module, as `wrangler deploy` does. */
export async function bundleWorker(file: string): Promise<string> {
  await using build = await rolldown({
    input: file,
    platform: 'neutral',
    tsconfig: false,
    external: [/^node:/, /^cloudflare:/],
    resolve: { conditionNames: [...(isBuilt ? [] : ['@oa/source']), 'import', 'default'] },
  });
  const { output } = await build.generate({ format: 'esm', codeSplitting: false });
  return output[0].code;
}

/**
 * Starts workerd with Workers that share the objects of the class `Session`, which the first Worker exports. Each Worker has an isolate of its
 * own. The objects are stored in `directory`.
 */
export async function startWorkerd(
  program: string,
  directory: string,
  workers: Record<string, WorkerModule>,
): Promise<Workerd> {
  mkdirSync(join(directory, 'objects'), { recursive: true });
  for (const [name, { code }] of Object.entries(workers)) writeFileSync(join(directory, `${name}.js`), code);
  const configuration = join(directory, 'workerd.capnp');
  writeFileSync(configuration, configurationOf(join(directory, 'objects'), workers));
  const child = spawn(program, ['serve', configuration, '--control-fd=3'], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const urls = await readAddresses(child.stdio[3] as Readable, Object.keys(workers)).catch((error: unknown) => {
    throw new Error(`workerd has not started: ${output}`, { cause: error });
  });
  return {
    urls,
    output: () => output,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Reads from the control channel on which ports the Workers listen. */
async function readAddresses(control: Readable, names: string[]): Promise<Record<string, string>> {
  const urls: Record<string, string> = {};
  let text = '';
  for await (const part of control.setEncoding('utf8')) {
    text += String(part);
    for (const [, name = '', port] of text.matchAll(/"event":"listen","socket":"(\w+)","port":(\d+)/g))
      urls[name] = `http://127.0.0.1:${port}/`;
    if (names.every((name) => urls[name] !== undefined)) return urls;
  }
  throw new Error('The control channel has ended.');
}

function configurationOf(objects: string, workers: Record<string, WorkerModule>): string {
  const names = Object.keys(workers);
  const [first = ''] = names;
  const workerOf = ([name, { variables }]: [string, WorkerModule]): string => `
const ${name} :Workerd.Worker = (
  modules = [(name = "${name}.js", esModule = embed "${name}.js")],
  compatibilityDate = "2026-11-01",
  globalOutbound = "network",
  bindings = [
    ${Object.entries(variables)
      .map(([variable, text]) => `(name = "${variable}", text = ${JSON.stringify(text)}),`)
      .join('\n    ')}
    (name = "SESSIONS", durableObjectNamespace = (className = "Session", serviceName = "${first}")),
  ],
  ${name === first ? 'durableObjectNamespaces = [(className = "Session", uniqueKey = "session", enableSql = true)],' : ''}
  ${name === first ? 'durableObjectStorage = (localDisk = "objects"),' : ''}
);`;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${names.map((name) => `(name = "${name}", worker = .${name}),`).join('\n    ')}
    (name = "network", network = (allow = ["public", "private"])),
    (name = "objects", disk = (path = ${JSON.stringify(objects)}, writable = true)),
  ],
  sockets = [
    ${names.map((name) => `(name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}"),`).join('\n    ')}
  ],
);
${Object.entries(workers).map(workerOf).join('\n')}
`;
}
