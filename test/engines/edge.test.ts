/**
 * Guards `npm run bench -- edge`: in every engine each application answers as it must, and every figure is there. Never a
 * timing.
 */
import { expect, it } from 'vitest';
import { EDGE_FIGURES, edge } from '../../bench/edge';

it('measures what a guard adds to a request in every engine', async () => {
  const said: string[] = [];
  const figures = await edge({ size: 'small', progress: (line) => said.push(line) });
  expect(figures.map(({ id }) => id).sort(), said.join('\n')).toEqual([...EDGE_FIGURES].sort());
  for (const { id, value } of figures) expect(value, id).toSatisfy(Number.isFinite);
  expect(figures.find(({ id }) => id === 'edge.missing')?.value).toBe(0);
});
