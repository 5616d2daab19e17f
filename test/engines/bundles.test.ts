/**
 * Guards what ends up in a user's bundle: the packed package works through every bundler that people use, each platform
 * gets its own core and nobody else's ground, nothing of Node reaches an edge bundle, and each entry keeps its size.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build as esbuild } from 'esbuild';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { node24 } from './engines';
import { bundle, type Target } from './programs';

const require = createRequire(import.meta.url);
const consumer = inject('consumer');

/** The bundlers that the project's own tools bring along, and one resolver. */
const rollupOf = createRequire(require.resolve('tsup/package.json'));
const viteOf = createRequire(require.resolve('vitest/package.json'));
const rolldownOf = createRequire(viteOf.resolve('vite/package.json'));
type Rollup = (options: object) => Promise<{ write(options: object): Promise<unknown> }>;

type Ground = 'node' | 'browser';

/** Each bundles `<folder>/main.mjs` into `<folder>/out`, as its documentation says for the ground. */
const BUNDLERS: Readonly<Record<string, (folder: string, ground: Ground) => Promise<unknown>>> = {
  esbuild: (folder, ground) =>
    esbuild({
      ...{ entryPoints: [join(folder, 'main.mjs')], outfile: join(folder, 'out', 'main.mjs'), bundle: true },
      ...{ platform: ground, format: 'esm', logLevel: 'error' },
    }),
  rollup: async (folder, ground) => {
    const { rollup } = rollupOf('rollup') as { rollup: Rollup };
    const { nodeResolve } = require('@rollup/plugin-node-resolve') as { nodeResolve(options: object): unknown };
    const resolve = nodeResolve(ground === 'node' ? { exportConditions: ['node'] } : { browser: true });
    const made = await rollup({ input: join(folder, 'main.mjs'), plugins: [resolve], external: /^node:/ });
    return made.write({ dir: join(folder, 'out'), entryFileNames: '[name].mjs', inlineDynamicImports: true });
  },
  rolldown: async (folder, ground) => {
    const { rolldown } = (await import(rolldownOf.resolve('rolldown'))) as { rolldown: Rollup };
    const made = await rolldown({ input: join(folder, 'main.mjs'), platform: ground });
    return made.write({ dir: join(folder, 'out'), entryFileNames: '[name].mjs' });
  },
  vite: async (folder, ground) => {
    const { build } = (await import(viteOf.resolve('vite'))) as { build(options: object): Promise<unknown> };
    const output = { entryFileNames: '[name].mjs' };
    return build({
      ...{ root: folder, configFile: false, logLevel: 'error', ssr: { noExternal: true } },
      build: {
        ...{ outDir: 'out', minify: false, modulePreload: false, ssr: ground === 'node' },
        rolldownOptions: { input: join(folder, 'main.mjs'), output },
      },
    });
  },
};

const PROGRAM = `import { createTracehound } from 'tracehound';
import { TRACE, replay } from 'tracehound/conformance';
import { GROUND as runtime } from 'tracehound/GROUND';
const th = createTracehound({ quarantine: { maxCount: 100 } });
const threat = { category: 'sqli', severity: 'high' };
const result = th.intercept({ source: '192.0.2.1', threat, payload: 'a' });
const { root } = await replay(runtime, { ...TRACE, count: 300 });
console.log(JSON.stringify({ status: result.status, runtime: th.watcher.snapshot().runtime, root }));
`;

describe('a program through a bundler', () => {
  const roots = new Set<string>();

  describe.each(Object.keys(BUNDLERS))('%s', (name) => {
    it.each(['node', 'browser'] as const)('for %s: runs, and is one file', async (ground) => {
      const folder = mkdtempSync(join(consumer, `${name}-${ground}-`));
      const runtime = ground === 'node' ? 'node' : 'standard';
      writeFileSync(join(folder, 'main.mjs'), PROGRAM.replaceAll('GROUND', runtime));
      await BUNDLERS[name]!(folder, ground);
      expect(readdirSync(join(folder, 'out'))).toEqual(['main.mjs']);
      const file = join(folder, 'out', 'main.mjs');
      const said = JSON.parse(await node24.script(file)) as { root: string };
      expect(said).toMatchObject({ status: 'quarantined', runtime });
      roots.add(said.root);
      if (ground === 'browser') expect(readFileSync(file, 'utf8')).not.toMatch(NODE);
    });
  });

  it('ends in one log, whoever bundled it', () => {
    expect(roots.size).toBe(1);
  });
});

/** An import of Node's, or a global that only Node has. */
const NODE = /["']node:|\bBuffer\b|\bprocess\.|\brequire\(/;
/** What only the ground of one platform says. */
const WORDS: Readonly<Record<string, RegExp>> = {
  cloudflare: /cf-connecting-ip|cloudflare:workers/,
  vercel: /@vercel\/request-context/,
  fastly: /name: ?"fastly"/,
  'lambda-edge': /clientIp/,
  deno: /remoteAddr\b/,
  bun: /requestIP/,
  node: /emitWarning/,
};
/** How the core comes: bytes in base64 begin so; and the JavaScript made of it has a memory of its own making. */
const CORES = { inline: /AGFzbQ/, js: /Object\.create\(Object\.prototype/ } as const;

interface Budget {
  readonly runtime: string;
  readonly target: Target;
  readonly core: keyof typeof CORES | 'module';
  /** KiB gzip of the minified bundle of `createTracehound`, the core as it comes there included. */
  readonly whole: number;
  /** The same of `createLean`. */
  readonly lean: number;
}

/** What was measured and a little room. Raise one only with the reason in the commit. */
const BUDGETS: readonly Budget[] = [
  { runtime: 'cloudflare', target: 'workerd', core: 'module', whole: 49, lean: 38.5 },
  { runtime: 'vercel', target: 'edge-light', core: 'module', whole: 49, lean: 38.5 },
  { runtime: 'fastly', target: 'fastly', core: 'js', whole: 54, lean: 43.5 },
  { runtime: 'lambda-edge', target: 'lambda-edge', core: 'inline', whole: 53.5, lean: 42.5 },
  { runtime: 'node', target: 'script', core: 'inline', whole: 53.5, lean: 43 },
  { runtime: 'deno', target: 'script', core: 'inline', whole: 53.5, lean: 42.5 },
  { runtime: 'bun', target: 'script', core: 'inline', whole: 53.5, lean: 42.5 },
];

describe('a bundle for a platform', () => {
  const table: string[] = [];

  afterAll(() => console.log(['runtime     instance   KiB gzip   budget', ...table].join('\n')));

  /** How an instance is made there, whole and lean. */
  const made = (runtime: string): Record<'whole' | 'lean', string> => {
    const name = runtime === 'lambda-edge' ? 'lambdaEdge' : runtime;
    return {
      whole: `import { createTracehound } from 'tracehound/${runtime}';
export const th = createTracehound();`,
      lean: `import { createLean } from 'tracehound/lean';
import { ${name} } from 'tracehound/${runtime}';
export const th = createLean(${name});`,
    };
  };

  it.each(BUDGETS.flatMap((budget) => (['whole', 'lean'] as const).map((kind) => ({ ...budget, kind }))))(
    '$runtime, $kind: has its own core, its own ground, and its size',
    async ({ runtime, target, core, kind, ...budget }) => {
      const source = `${made(runtime)[kind]}
const main = async () => th.intercept({ source: 'x' }).status;`;
      const folder = await bundle(consumer, `size-${runtime}-${kind}`, target, source, true);
      const files = readdirSync(folder).filter((file) => /\.(mjs|cjs|wasm)$/.test(file));
      const text = files.map((file) => readFileSync(join(folder, file), 'latin1')).join('\n');
      for (const [name, pattern] of Object.entries(CORES)) expect(pattern.test(text), name).toBe(name === core);
      expect(files.some((file) => file.endsWith('.wasm'))).toBe(core === 'module');
      for (const [name, pattern] of Object.entries(WORDS))
        expect(pattern.test(text), `says ${name}`).toBe(name === runtime);
      if (['cloudflare', 'vercel', 'fastly'].includes(runtime)) expect(text).not.toMatch(NODE);
      const size =
        files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).length, 0) / 1_024;
      const max = budget[kind];
      table.push(`${runtime.padEnd(12)}${kind.padEnd(8)}${size.toFixed(1).padStart(11)}${String(max).padStart(9)}`);
      expect(size).toBeLessThanOrEqual(max);
    },
  );
});
