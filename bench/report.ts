import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './charts.ts';
import type { Results } from './results.ts';

const MARKED = /(?<=<!-- bench -->\n).*(?=<!-- \/bench -->)/s;
const docs: string = join(import.meta.dirname, '..', 'docs');

/** Writes the figures between the markers of docs/performance.md, and a chart for each job. */
export async function writeReport(results: Results): Promise<void> {
  const charts = join(docs, 'performance');
  mkdirSync(charts, { recursive: true });
  for (const job of results.jobs) writeFileSync(join(charts, `${job.name}.svg`), await drawChart(job, results.peers));
  const file = join(docs, 'performance.md');
  const text = readFileSync(file, 'utf8').replace(MARKED, () => `\n${toMarkdown(results)}\n`);
  writeFileSync(file, text);
  execFileSync('oxfmt', [file]);
}

function toMarkdown({ date, machine, load, command, rounds, files, peers, jobs }: Results): string {
  const versions = peers.flatMap((peer) => peer.versions).join(', ');
  const run = `Measured on ${date} with \`${command}\`: ${machine}; a load of ${load} before it started; at most ${rounds} rounds; ${files} tokens where there are many; ${versions}.`;
  return [run, ...jobs.map((job) => toSection(job, peers))].join('\n\n');
}

function toSection({ name, title, unit, results }: Results['jobs'][number], peers: Results['peers']): string {
  const rows = peers.map((peer) => {
    const result = results[peer.adapter];
    if (result === undefined || 'lacks' in result) return `| ${peer.name} | - | ${result?.lacks ?? ''} | |`;
    const counts = Object.entries(result.counts).map(([what, amount]) => `${what}: ${amount}`);
    const { median, min, max } = result;
    return `| ${peer.name} | ${rounded(median)} | ${rounded(min)} to ${rounded(max)} | ${counts.join(', ')} |`;
  });
  const table = ['| | median | minimum to maximum | counted |', '| --- | --: | --- | --- |', ...rows].join('\n');
  return [
    `## ${title}`,
    `${unit[0]?.toUpperCase()}${unit.slice(1)}.`,
    `![${title}](performance/${name}.svg)`,
    table,
  ].join('\n\n');
}

/** Three digits are more than the spread of the rounds permits. */
function rounded(figure: number): string {
  return Math.abs(figure) >= 100 ? String(Math.round(figure)) : String(Number(figure.toPrecision(3)));
}
