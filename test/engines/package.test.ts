/**
 * Guards what a stranger meets: the packed package in an empty project works on every script engine, as it is and as one
 * bundled file; its manifest is sound for bundlers; its types are sound for a strict project with hono.
 *
 * The package's contents are guarded by `test/package/pack.test.ts`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { SCRIPT_ENGINES } from './engines';

const root = join(import.meta.dirname, '..', '..');
const rootModules = join(root, 'node_modules');
const consumer = inject('consumer');

const PROGRAM = `import { createTracehound, TracehoundError, VERSION } from 'tracehound';
const th = createTracehound({ quarantine: { maxCount: 100 } });
const threat = { category: 'sqli', severity: 'high' };
const first = th.intercept({ source: '192.0.2.1', threat, payload: { q: "' OR 1=1" } });
const again = await th.interceptAsync({ source: '192.0.2.1', threat, payload: { q: "' OR 1=1" } });
const large = await th.interceptAsync({ source: '192.0.2.2', threat, payload: new Uint8Array(20_000) });
const bytes = new TextDecoder().decode(th.quarantine.read(first.evidence.signature));
await th.audit.flush();
const { ok, gaps, to } = th.audit.verify();
const { size, root } = th.audit.head();
await th.close();
const closed = th.intercept({ source: 'x' });
console.log(JSON.stringify({
  statuses: [first, again, large, closed].map((result) => result.status),
  error: closed.error instanceof TracehoundError && closed.error.code,
  hashes: [first, large].map((result) => result.evidence.hash),
  bytes, ok, gaps, whole: to === size, root: root.length, version: VERSION,
}));
`;

/** SHA-256 of the two payloads, from `sha256sum`: of `{"q":"' OR 1=1"}` and of 20,000 zero bytes. */
const SAID = {
  statuses: ['quarantined', 'duplicate', 'quarantined', 'error'],
  error: 'CLOSED',
  hashes: [
    '188aaac56430262f70ecad568d4a2dc3477ce4464232402c6d8f81b57d85fca8',
    '28b4f41a7f3ee6d8cc87272db6e09c6d3566551fd4d18702b041a21658272a85',
  ],
  bytes: `{"q":"' OR 1=1"}`,
  ok: true,
  gaps: 0,
  whole: true,
  root: 64,
  version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
};

describe('the packed package in an empty project', () => {
  it.each(SCRIPT_ENGINES)('quarantines and verifies on $name', async ({ script }) => {
    writeFileSync(join(consumer, 'main.mjs'), PROGRAM);
    expect(JSON.parse(await script(join(consumer, 'main.mjs')))).toEqual(SAID);
  });
});

describe('the packed package in a CommonJS project', () => {
  it.each(SCRIPT_ENGINES.filter(({ name }) => name.startsWith('node')))(
    'can be required on $name',
    async ({ script }) => {
      const main = join(consumer, 'main.cjs');
      writeFileSync(
        main,
        `const { createTracehound } = require('tracehound');
console.log(createTracehound().intercept({ source: 'x' }).status);`,
      );
      expect(await script(main)).toBe('clean');
    },
  );
});

describe('the package as one bundled file', () => {
  const alone = join(consumer, '..', 'alone');

  beforeAll(async () => {
    await build({
      stdin: { contents: PROGRAM, resolveDir: consumer },
      outfile: join(alone, 'main.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
  });

  it('is one file', () => {
    expect(readdirSync(alone)).toEqual(['main.mjs']);
  });

  it.each(SCRIPT_ENGINES)('quarantines and verifies on $name', async ({ script }) => {
    expect(JSON.parse(await script(join(alone, 'main.mjs')))).toEqual(SAID);
  });
});

describe('the manifest', () => {
  const tool = (name: string, path: string, ...args: string[]): string => {
    const script = join(rootModules, name, path);
    try {
      return execFileSync(process.execPath, [script, ...args], { encoding: 'utf8', cwd: dirname(inject('tarball')) });
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${name}: found fault with the package:\n${stdout}${stderr}`);
    }
  };

  it('has nothing that publint would change', () => {
    const said = tool('publint', 'src/cli.js', inject('tarball'), '--strict');
    expect(said).toContain('All good!');
  });

  it('has types that are right for every kind of resolution it supports', () => {
    // It fails when it finds anything; what it says besides is about the resolutions that are left out.
    tool(
      '@arethetypeswrong/cli',
      'dist/index.js',
      inject('tarball'),
      '--no-definitely-typed', // Nothing is asked of the registry.
      // ES modules only: `require` works where Node can require them (tested above), but types under CommonJS would
      // lie for older ones; and `moduleResolution: node10` knows no subpath at all.
      ...['--profile', 'esm-only'],
      // Bytes, for bundlers that compile them; there is nothing to type.
      ...['--exclude-entrypoints', 'core.wasm'],
    );
  });
});

describe('a strict TypeScript project with hono', () => {
  const typed = join(consumer, '..', 'typed');
  /** Uses every subpath that has types, and each promise a type can break. */
  const source = `import {
  type Actor, createTracehound, type EvidenceHandle, type InterceptResult, type Runtime, type Scent, type Store,
  type Tracehound, TracehoundError, type TracehoundOptions,
} from 'tracehound';
import * as inline from 'tracehound/core/inline';
import * as js from 'tracehound/core/js';
import { tracehound } from 'tracehound/hono';
import { node } from 'tracehound/node';
import { Hono } from 'hono';

const runtime: Runtime = { ...node, core: js.instantiate, coreDigest: inline.digest };
const options: TracehoundOptions = { rateLimit: { windowMs: 1_000 }, runtime };
const th: Tracehound = createTracehound(options);
const who: Actor = { actor: 'a', purpose: 'b' };
const scent: Scent = { source: 'x', payload: { a: [1, null, 'b'] } };
const result: InterceptResult = th.intercept(scent);
if (result.status === 'quarantined') {
  const handle: EvidenceHandle = result.evidence;
  const bytes: Uint8Array = th.quarantine.read(handle.signature, who);
  bytes.fill(0);
  // @ts-expect-error Evidence is metadata, and frozen.
  handle.size = 0;
}
if (result.status === 'error' && result.error instanceof TracehoundError) throw result.error;
// @ts-expect-error A limit is a number: were the types missing, this would be no error.
createTracehound({ rateLimit: { limit: 'many' } });
export const store: Store = { putIfAbsent: async () => 'created', get: async () => undefined };

const app = new Hono();
app.use('*', tracehound(th, { detect: (c) => (c.req.path === '/' ? undefined : { category: 'scan', severity: 'low' }) }));
// @ts-expect-error A detector is a function.
app.use('*', tracehound(th, { detect: 'always' }));
export default app;
`;

  beforeAll(() => {
    mkdirSync(typed);
    cpSync(join(consumer, 'node_modules'), join(typed, 'node_modules'), { recursive: true });
    cpSync(join(rootModules, 'hono'), join(typed, 'node_modules', 'hono'), { recursive: true, dereference: true });
    writeFileSync(join(typed, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(typed, 'main.ts'), source);
  });

  it.each(['nodenext', 'bundler'])('reads every type with moduleResolution %s, libraries checked', (resolution) => {
    const compilerOptions = {
      target: 'es2022',
      module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
      moduleResolution: resolution,
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(typed, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    const tsc = join(rootModules, 'typescript', 'bin', 'tsc');
    let said = '';
    try {
      said = execFileSync(process.execPath, [tsc, '-p', '.'], { cwd: typed, encoding: 'utf8' });
    } catch (error) {
      said = (error as { stdout: string }).stdout;
    }
    expect(said).toBe('');
  });
});
