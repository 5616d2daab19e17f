/**
 * Guards what is published: packs the built package, installs it offline into an empty project, and uses it there as a
 * stranger would — with the Node at `$TRACEHOUND_NODE` (default: the one that runs the tests) and with TypeScript.
 *
 * It needs `dist`; without a build it says so in one line and passes nothing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, type Packed, packed, root } from './packed';

type Target = string | null | { readonly [condition: string]: Target };
const paths = (target: Target): string[] =>
  target === null ? [] : typeof target === 'string' ? [target] : Object.values(target).flatMap(paths);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Readonly<Record<string, Target>>;
  imports: Readonly<Record<string, Target>>;
};

/** All that may ship. Sources, tests, maps, stamps and the testing build of the core may not. */
const SHIPS = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md)$/,
  /^examples\/[\w./-]+\.(ts|html)$/,
  /^bench\/results\/latest\.md$/,
  /^docs\/[\w./-]+\.(md|svg|png)$/,
  /^dist\/(src|runtimes|assembly|test\/conformance)\/[\w./-]+\.d\.ts$/,
  /^dist\/(src|runtimes|assembly|test\/conformance)\/[\w./-]+\.js$/,
  /^build\/core\.(wasm|d\.ts|(inline|workerd|edge-light|js)\.js)$/,
];

describe.runIf(built)('the packed package', () => {
  let of: Packed;
  let files: readonly string[] = [];
  let consumer = '';
  beforeAll(() => {
    of = packed();
    ({ files, consumer } = of);
  });
  afterAll(() => of?.remove());
  const node = (script: string): string => of.node(script);

  it('contains what a consumer needs and nothing else', () => {
    expect(files.filter((file) => !SHIPS.some((pattern) => pattern.test(file)))).toEqual([]);
  });

  it('contains every file that its exports and imports name', () => {
    const named = [manifest.exports, manifest.imports].flatMap(paths).map((path) => path.slice(2));
    expect(named.filter((path) => !files.includes(path))).toEqual([]);
  });

  it('has one JavaScript file and one declaration for each source file, and no other', () => {
    const sources = files
      .flatMap((file) => /^dist\/(.+)\.js$/.exec(file)?.[1] ?? [])
      .filter((name) => !existsSync(join(root, `${name}.ts`)));
    expect(sources).toEqual([]);
    const names = ['src', 'runtimes', 'test/conformance']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
      )
      .flatMap((file) => /^(.+(?<!\.d))\.ts$/.exec(file)?.[1] ?? []);
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => !files.includes(`dist/${name}.js`))).toEqual([]);
    expect(names.filter((name) => !files.includes(`dist/${name}.d.ts`))).toEqual([]);
  });

  it('has no file that is named by a hash', () => {
    expect(files.filter((file) => /[-.][0-9A-Z]{8}\.|[-.][0-9a-f]{8,}\.|chunk/.test(file))).toEqual([]);
  });

  it('has a stack trace in which each line of its own names a source file', () => {
    const said = node(`
      import { createTracehound } from 'tracehound';
      try {
        createTracehound({ rateLimit: { limit: Number.NaN } });
      } catch (error) {
        console.log(error.stack);
      }
    `);
    const frames = [...said.matchAll(/node_modules\/tracehound\/dist\/(.+)\.js:\d+:\d+/g)].map(([, name]) => name!);
    // The check that failed, whoever called it, and the door by which the caller came in.
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.at(-1)).toMatch(/^runtimes\/node\/|^src\/tracehound$/);
    expect(frames.filter((name) => !existsSync(join(root, `${name}.ts`)))).toEqual([]);
  });

  it('names no path of the machine that built it', () => {
    expect(files.filter((file) => readFileSync(join(of.installed, file), 'latin1').includes(root))).toEqual([]);
  });

  it('installs nothing besides itself', () => {
    const installed = readdirSync(join(consumer, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed).toEqual(['tracehound']);
  });

  it('answers a request and quarantines a threat', () => {
    const said = node(`
      import { createTracehound } from 'tracehound';
      const th = createTracehound({ rateLimit: { limit: 2 } });
      const source = '192.0.2.1';
      const threat = { category: 'sqli', severity: 'high' };
      const results = [
        th.intercept({ source }),
        th.intercept({ source, threat, payload: { q: "' OR 1=1" } }),
        th.intercept({ source }),
      ];
      console.log(results.map((result) => result.status).join(' '));
      await th.close();
    `);
    expect(said).toBe('clean quarantined rate_limited');
  });

  it('can be imported by every subpath that is code, without any framework installed', () => {
    const subpaths = Object.entries(manifest.exports)
      .filter(([, target]) => paths(target).some((path) => path.endsWith('.js')))
      // Only the bundlers of their platforms know what the import of a `.wasm` file means.
      .filter(([subpath]) => !/^\.\/(core\/(workerd|edge-light)|cloudflare\/object)$/.test(subpath))
      .map(([subpath]) => `tracehound${subpath.slice(1)}`);
    const said = node(`
      const count = {};
      for (const subpath of ${JSON.stringify(subpaths)}) count[subpath] = Object.keys(await import(subpath)).length;
      console.log(JSON.stringify(count));
    `);
    const count = JSON.parse(said) as Record<string, number>;
    expect(Object.keys(count)).toEqual(subpaths);
    // `tracehound/types` is what its name says.
    expect(Object.keys(count).filter((subpath) => count[subpath] === 0)).toEqual(['tracehound/types']);
  });

  it.each(['nodenext', 'bundler'])('has types that a strict project reads with moduleResolution %s', (resolution) => {
    const options = {
      target: 'es2022',
      module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
      moduleResolution: resolution,
      lib: ['ES2022', 'DOM'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['main.ts'] }));
    writeFileSync(
      join(consumer, 'main.ts'),
      `import { createTracehound, type InterceptResult, TracehoundError } from 'tracehound';
const result: InterceptResult = createTracehound({ rateLimit: { windowMs: 1_000 } }).intercept({ source: 'x' });
if (result.status === 'error' && result.error instanceof TracehoundError) throw result.error;
// @ts-expect-error A limit is a number: were the types missing, this would be no error.
createTracehound({ rateLimit: { limit: 'many' } });
`,
    );
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
    expect(() => execFileSync(process.execPath, [tsc, '-p', '.'], { cwd: consumer, encoding: 'utf8' })).not.toThrow();
  });
});
