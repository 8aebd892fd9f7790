import { describe, expect, it } from 'vitest';
import { barPlot, linePlot, scatterPlot } from '../src/index.ts';

const axes = { title: 'a < b', xLabel: 'nodes', yLabel: 'hops' };

describe('plots', () => {
  it('draw a line for each series, named, with escaped text', () => {
    const svg = linePlot({
      ...axes,
      series: [
        {
          name: 'x & y',
          points: [
            [1, 2],
            [10, 4],
          ],
        },
        { name: 'z', points: [] },
      ],
    });
    expect(svg).toMatch(/^<svg [^>]+>/);
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(svg).toContain('x &amp; y');
    expect(svg.match(/stroke-linejoin/g)).toHaveLength(2);
  });

  it('stay finite for decades, for one value and for none', () => {
    for (const points of [
      [],
      [[5, 0]],
      [
        [100, 1],
        [3000, 2],
      ],
    ] as [number, number][][]) {
      for (const logX of [false, true]) {
        expect(scatterPlot({ ...axes, logX, series: [{ name: 's', points }] })).not.toMatch(/NaN|Infinity/);
      }
    }
  });

  it('draw a bar for each value', () => {
    const svg = barPlot({
      title: 't',
      yLabel: 'ms',
      bars: [
        { name: 'a', value: 1 },
        { name: 'b', value: 0 },
      ],
    });
    expect(svg.match(/<rect/g)).toHaveLength(3);
    expect(svg).not.toContain('NaN');
  });
});
