import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Results } from './results.ts';

/** From this ratio between the largest and the smallest figure on, a chart has a logarithmic axis. */
const LOGARITHMIC_RATIO = 30;
const WIDTH_PIXELS = 520;

type JobResults = Results['jobs'][number];

/** Draws a job as SVG: a point for each median, and a line from the minimum to the maximum. */
export async function drawChart({ unit, results }: JobResults, peers: Results['peers']): Promise<string> {
  const values = peers.flatMap(({ adapter, name }) => {
    const result = results[adapter];
    return result === undefined || 'lacks' in result ? [] : [{ name, ...result, isOwn: adapter === 'oa' }];
  });
  const [low, high] = [Math.min(...values.map(({ min }) => min)), Math.max(...values.map(({ max }) => max))];
  const scale = low > 0 && high / low > LOGARITHMIC_RATIO ? { type: 'log' as const } : { zero: true };
  const specification: TopLevelSpec = {
    background: 'white',
    width: WIDTH_PIXELS,
    height: { step: 24 },
    data: { values },
    encoding: {
      y: { field: 'name', type: 'nominal', sort: { field: 'median' }, title: null, axis: { labelLimit: 240 } },
      color: {
        field: 'isOwn',
        type: 'nominal',
        legend: null,
        scale: { domain: [true, false], range: ['#c2410c', '#475569'] },
      },
    },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { x: { field: 'min', type: 'quantitative', scale, title: unit }, x2: { field: 'max' } },
      },
      {
        mark: { type: 'circle', size: 90, opacity: 1 },
        encoding: { x: { field: 'median', type: 'quantitative', scale } },
      },
    ],
  };
  return `${await new View(parse(compile(specification).spec), { renderer: 'none' }).toSVG()}\n`;
}
