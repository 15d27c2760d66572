import { startProcess, type StartOptions } from './process.ts';

/** What `node --test` reports of a file. */
export interface NodeTestReport {
  /** 0 if no test has failed. */
  code: number | null;
  passed: string[];
  failed: string[];
  /** The titles, each with its reason. */
  skipped: Record<string, string>;
  /** All that was printed. */
  output: string;
}

/** A suite ends with its own line, which is told by what follows it. */
const RESULT_LINE = /^ *(not ok|ok) \d+ - (.*?)(?: # SKIP ?(.*))?\n *---\n *duration_ms: .*\n *type: '(\w+)'/gm;

/** Runs a file of tests for `node:test`, such as one with a contract, and reads the report. */
export async function runNodeTests(file: URL | string, options: StartOptions = {}): Promise<NodeTestReport> {
  const nodeOptions = ['--test', '--test-reporter=tap', ...(options.nodeOptions ?? [])];
  const { code, stdout, stderr } = await startProcess(file, { ...options, nodeOptions }).ended;
  const report: NodeTestReport = { code, passed: [], failed: [], skipped: {}, output: `${stdout}${stderr}` };
  for (const [, result, title = '', reason, type] of stdout.matchAll(RESULT_LINE)) {
    if (type !== 'test') continue;
    if (reason !== undefined) report.skipped[title] = reason;
    else (result === 'ok' ? report.passed : report.failed).push(title);
  }
  return report;
}
