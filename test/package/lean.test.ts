/**
 * Guards what an application has to ship: what it does not use is not in its bundle, and what it uses is all that is.
 *
 * Relies on: the published JavaScript, esbuild as Wrangler runs it. Refuses: sizes; `bench/size.ts` weighs, and
 * `test/bench/small.test.ts` holds it to that.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const built = existsSync(join(root, 'dist', 'src', 'log.js'));

/** The bundle of an application with Hono that gives `options`, for Cloudflare. */
async function bundleOf(options: string): Promise<string> {
  const contents = `
    import { Hono } from 'hono';
    import { createTracehound, openLog, openSnapshot } from './dist/runtimes/cloudflare/index';
    import { tracehound } from './dist/src/adapters/hono';
    import { heldLog, storedLog } from './dist/src/log';
    import { snapshots } from './dist/src/snapshot';
    const app = new Hono();
    app.use(tracehound(createTracehound(${options}), { detect: () => undefined }));
    export default app;`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import', 'workerd'],
    external: ['node:*', 'cloudflare:*', '*.wasm'],
    write: false,
    logLevel: 'silent',
  });
  return outputFiles.map(({ text }) => text).join('');
}

/** Words that only one part has, and that minifying leaves as they are. */
const PARTS = {
  signer: ['tracehound/key/v1', 'generateKey', 'SIGNER_FAILED'],
  notes: ['NOTE_INVALID', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  sha256: ['1116352408', '1779033703'],
  tiles: ['tile/entries/'],
  proofs: ['c2sp.org/tlog-proof@v1', 'audit.proveInclusion: no such record'],
  writer: ['LOG_CONFLICT', 'putIfAbsent'],
  opener: ['openLog: no such log'],
  snapshots: ['SNAPSHOT_INVALID', 'AES-GCM'],
} as const;
type Part = keyof typeof PARTS;

/** Parts of which anything is in the bundle. */
const partsIn = (bundle: string): Part[] =>
  (Object.keys(PARTS) as Part[]).filter((part) => PARTS[part].some((word) => bundle.includes(word)));

describe.runIf(built)('a bundle has in it', () => {
  const held: Part[] = ['signer', 'notes', 'sha256', 'proofs'];
  const all = Object.keys(PARTS) as Part[];
  it.each<[string, string, Part[]]>([
    ['nothing of logs and snapshots, when none is used', '', []],
    ['what signs and proves, with a held log', '{ audit: { log: heldLog() } }', held],
    [
      'the writer too, with a stored log',
      '{ audit: { log: storedLog({}) } }',
      ['signer', 'notes', 'sha256', 'tiles', 'proofs', 'writer'],
    ],
    ['what makes snapshots, with snapshots', '{ snapshots }', ['snapshots']],
    // The words are still theirs: this fails when one of them went out of use.
    ['everything, when everything is used', '{ audit: { log: storedLog({}) }, snapshots, clock: openLog }', all],
  ])('%s', async (_, options, parts) => {
    const bundle = await bundleOf(options);
    expect(partsIn(bundle)).toEqual(parts);
    for (const word of parts.flatMap((part) => PARTS[part])) expect(bundle).toContain(word);
  });
});
