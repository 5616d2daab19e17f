/**
 * The suite for runtimes on Node, from the sources: what the engines run in `test/engines` is the same from the package.
 */
import { expect, it } from 'vitest';
import { instantiate } from '../../build/core.js.js';
import { node } from '../../runtimes/node/index';
import { CASES, conform } from '../conformance/index';

const { digest: _, ...waiting } = node;

for (const [name, runtime] of [
  ['node', node],
  ['node without a digest that is ready at once', waiting],
  ['node with the core that needs no WebAssembly', { ...node, core: instantiate }],
] as const) {
  it(`${name} keeps every promise`, async () => {
    const reports = await conform(runtime);
    expect(reports.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(reports).toHaveLength(CASES.length);
  });
}
