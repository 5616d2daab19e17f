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
const built = existsSync(join(root, 'dist', 'src', 'lean.js'));

/** The bundle of an application with Hono that makes its instance so, for Cloudflare. */
async function bundleOf(made: string): Promise<string> {
  const contents = `
    import { Hono } from 'hono';
    import { cloudflare, createTracehound, openLog } from './dist/runtimes/cloudflare/index';
    import { tracehound } from './dist/src/adapters/hono';
    import { createLean } from './dist/src/lean';
    import { heldLog, storedLog } from './dist/src/log/index';
    import { generateKey, signerFromText } from './dist/src/signers/index';
    const app = new Hono();
    app.use(tracehound(${made}, { detect: () => undefined }));
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
  signer: ['tracehound/key/v1', 'generateKey', 'it did not sign'],
  notes: ['NOTE_INVALID', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  sha256: ['1116352408', '1779033703'],
  proofs: ['c2sp.org/tlog-proof@v1', 'audit.proveInclusion: no such record'],
  snapshots: ['SNAPSHOT_INVALID', 'AES-GCM'],
  tiles: ['tile/entries/'],
  writer: ['LOG_CONFLICT', 'putIfAbsent'],
  opener: ['openLog: no such log'],
  keptKeys: ['PRIVATE+KEY+', '302e020100300506032b657004220420', '308187020100301306072a8648ce3d0201'],
} as const;
type Part = keyof typeof PARTS;

/** Parts of which anything is in the bundle. */
const partsIn = (bundle: string): Part[] =>
  (Object.keys(PARTS) as Part[]).filter((part) => PARTS[part].some((word) => bundle.includes(word)));

describe.runIf(built)('a bundle has in it', () => {
  const held: Part[] = ['signer', 'notes', 'sha256', 'proofs'];
  const stored: Part[] = ['tiles', 'writer'];
  const store = '{ audit: { log: storedLog({}) } }';
  it.each<[string, string, Part[]]>([
    ['what signs, proves and makes snapshots, by default', 'createTracehound()', [...held, 'snapshots']],
    ['the writer too, with a stored log', `createTracehound(${store})`, [...held, 'snapshots', ...stored]],
    ['nothing of logs and snapshots, when it is lean', 'createLean(cloudflare)', []],
    [
      'what signs and proves, when it is lean with a held log',
      'createLean(cloudflare, { audit: { log: heldLog() } })',
      held,
    ],
    ['the writer too, when it is lean with a stored log', `createLean(cloudflare, ${store})`, [...held, ...stored]],
    // The words are still theirs: this fails when one of them went out of use.
    [
      'everything, when everything is used',
      'createTracehound({ audit: { log: storedLog({}) }, clock: [openLog, signerFromText, generateKey] })',
      Object.keys(PARTS) as Part[],
    ],
  ])('%s', async (_, made, parts) => {
    const bundle = await bundleOf(made);
    expect(partsIn(bundle)).toEqual(parts);
    for (const word of parts.flatMap((part) => PARTS[part])) expect(bundle).toContain(word);
  });
});
