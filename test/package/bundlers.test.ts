/**
 * Guards what bundlers make of `tracehound/verify`, as it is published: no warning, nothing of Node, and a file that verifies. It
 * needs `dist`; without a build it says so in one line and passes nothing.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';
import { rollup } from 'rollup';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const entry = join(root, 'dist', 'src', 'verify', 'index.js');
const built = existsSync(entry);
if (!built) console.log('bundlers: skipped, run `npm run build` first');

describe.runIf(built)('tracehound/verify in a bundle', { timeout: 120_000 }, () => {
  it.each(['browser', 'neutral', 'node'] as const)('of esbuild for %s gives no warning', async (platform) => {
    for (const format of ['esm', 'cjs', 'iife'] as const) {
      const options = { bundle: true, write: false, platform, format, minify: true, logLevel: 'silent' } as const;
      const { warnings, errors, outputFiles } = await esbuild({ ...options, entryPoints: [entry] });
      expect([warnings, errors]).toEqual([[], []]);
      expect(outputFiles[0]!.text).not.toMatch(/\bnode:|require\(/);
    }
  });

  it('of rollup gives no warning', async () => {
    const warnings: string[] = [];
    const bundle = await rollup({ input: entry, onwarn: ({ message }) => void warnings.push(message) });
    const { output } = await bundle.generate({ format: 'es' });
    await bundle.close();
    expect(warnings).toEqual([]);
    expect(output).toHaveLength(1);
  });

  it('still verifies', async () => {
    const { outputFiles } = await esbuild({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      minify: true,
    });
    const source = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`;
    const { verifyLog } = (await import(source)) as typeof import('../../src/verify/index');
    const report = await verifyLog({ checkpoints: async () => [], entries: async function* () {} });
    expect([report.exitCode, report.findings.map(({ code }) => code)]).toEqual([3, expect.arrayContaining(['EMPTY'])]);
  });
});
