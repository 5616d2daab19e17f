/**
 * Guards `tools/build.ts` in a copy of the sources: it makes the core that the shipped options make, to the byte; it does
 * again what depends on an input that was touched, whatever kind of input; and it does nothing twice.
 *
 * Relies on: the tools that are installed, called here by hand as well. Refuses: the working tree; nothing is built there.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'tracehound-build-'));
const at = (path: string): string => join(folder, path);
const FOLDERS = ['assembly', 'src', 'runtimes', 'test/conformance', 'tools'];

/** The steps that were done, in alphabetical order; those that were not are said to be unchanged. */
function build(...asked: string[]): string[] {
  const args = [at('tools/build.ts'), ...asked];
  const said = execFileSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = said.matchAll(/^build: (.+) (built|unchanged), \d+ ms$/gm);
  return [...lines].flatMap(([, name, did]) => (did === 'built' ? [name!] : [])).sort();
}

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

beforeAll(() => {
  for (const name of FOLDERS) cpSync(join(root, name), at(name), { recursive: true });
  for (const name of readdirSync(root)) if (/\.(json|ts)$/.test(name)) copyFileSync(join(root, name), at(name));
  // Links to what is installed, and copies of the tools whose version a test changes.
  mkdirSync(at('node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    const from = realpathSync(join(root, 'node_modules', name));
    if (name === 'tsup') cpSync(from, at(`node_modules/${name}`), { recursive: true });
    else symlinkSync(from, at(`node_modules/${name}`));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PUBLISHED = ['core', 'core as JavaScript', 'declarations', 'javascript', 'types of the core'];

describe('a first build', () => {
  it('makes everything that is published, and nothing that only tests ask for', () => {
    expect(build()).toEqual(PUBLISHED);
    expect(existsSync(at('build/testing.wasm'))).toBe(false);
  });

  it('makes the core that asc and wasm-opt make when they are called with the shipped options, to the byte', () => {
    const plain = mkdtempSync(join(folder, 'plain-'));
    const wasm = join(plain, 'core.wasm');
    const call = (script: string, ...args: string[]): unknown =>
      execFileSync(process.execPath, [script, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    const config = ['--config', 'asconfig.json', '--target', 'release'];
    call(at('node_modules/assemblyscript/bin/asc.js'), 'assembly/index.ts', ...config, '-o', wasm);
    const features = ['bulk-memory', 'bulk-memory-opt', 'sign-ext', 'nontrapping-float-to-int', 'mutable-globals'];
    const enabled = features.map((feature) => `--enable-${feature}`);
    const smaller = ['-Os', '--low-memory-unused', '--converge'];
    call(at('node_modules/binaryen/bin/wasm-opt'), wasm, ...enabled, ...smaller, '-o', wasm);
    expect(digest(at('build/core.wasm'))).toBe(digest(wasm));
  });

  it('makes the testing core when it is asked for it', () => {
    expect(build('testing')).toEqual(['testing']);
    expect(
      readdirSync(at('build'))
        .filter((name) => name.startsWith('testing.'))
        .sort(),
    ).toEqual(
      ['d.ts', 'edge-light.js', 'inline.js', 'js.js', 'wasm', 'workerd.js'].map((ending) => `testing.${ending}`),
    );
  });

  it('makes the files that lie in the working tree, where those were built from the same sources', () => {
    expect(digest(at('build/core.js.js'))).toBe(digest(join(root, 'build', 'core.js.js')));
    expect(digest(at('build/core.inline.js'))).toBe(digest(join(root, 'build', 'core.inline.js')));
  });
});

/** A comment at the end: other bytes, the same meaning. */
const comment = (path: string) => (): void => appendFileSync(at(path), '// touched\n');
/** The same value, written otherwise. */
const space = (path: string) => (): void => appendFileSync(at(path), ' \n');
const first = (name: string): string =>
  readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).find((file) => /(?<!\.d)\.ts$/.test(file))!;

const TYPESCRIPT = ['declarations', 'javascript'];

describe('a second build', () => {
  it('does nothing', () => {
    expect(build('testing')).toEqual([]);
    expect(build()).toEqual([]);
  });

  it.each<[string, () => void, string[]]>([
    ['a file of the core', comment('assembly/index.ts'), ['core']],
    ['the constants of the core that the host reads too', comment('assembly/abi.ts'), ['core', ...TYPESCRIPT]],
    ['a new file of the core', () => writeFileSync(at('assembly/new.ts'), 'export const NEW: u32 = 1;\n'), ['core']],
    ['options of asc', space('asconfig.json'), ['core']],
    ['how the core is made', comment('tools/core.ts'), ['core', 'core as JavaScript', 'types of the core']],
    ['a source file', comment(`src/${first('src')}`), TYPESCRIPT],
    ['a runtime', comment(`runtimes/${first('runtimes')}`), TYPESCRIPT],
    ['a published suite', comment(`test/conformance/${first('test/conformance')}`), TYPESCRIPT],
    ['a new source file', () => writeFileSync(at('src/new.ts'), 'export const NEW: number = 1;\n'), TYPESCRIPT],
    ['one source file less', () => unlinkSync(at('src/new.ts')), TYPESCRIPT],
    ['package.json', space('package.json'), TYPESCRIPT],
    ['options of TypeScript', space('tsconfig.json'), TYPESCRIPT],
    ['options of the declarations', space('tsconfig.build.json'), ['declarations']],
    ['options of tsup', comment('tsup.config.ts'), ['javascript']],
    ['how imports are completed', comment('tools/specifiers.ts'), TYPESCRIPT],
    ['the version of a tool', space('node_modules/tsup/package.json'), ['javascript']],
    ['a file that was made and then changed', comment('dist/src/index.js'), ['javascript']],
    ['a declaration that is gone', () => unlinkSync(at('dist/src/index.d.ts')), ['declarations']],
    ['a loader that is gone', () => unlinkSync(at('build/core.workerd.js')), ['core']],
    ['a core that was changed', comment('build/core.inline.js'), ['core']],
    ['a note of the last build that cannot be read', () => writeFileSync(at('build/.stamp.json'), '{'), PUBLISHED],
  ])('does again what depends on %s, then nothing', (_, touch, expected) => {
    touch();
    expect(build()).toEqual([...expected].sort());
    expect(build()).toEqual([]);
  });

  it('makes the testing core again when a file of the core was touched', () => {
    expect(build('testing')).toEqual(['testing']);
    comment('assembly/testing.ts')();
    expect(build('testing')).toEqual(['core', 'testing']);
    expect(build('testing')).toEqual([]);
  });

  it('publishes no file whose source is gone', () => {
    expect(existsSync(at('dist/src/new.js'))).toBe(false);
    expect(existsSync(at('dist/src/new.d.ts'))).toBe(false);
  });

  it('makes the core as JavaScript again when the core is another', () => {
    const text = readFileSync(at('assembly/abi.ts'), 'utf8');
    writeFileSync(
      at('assembly/abi.ts'),
      text.replace(/(export const ABI_VERSION = )(\d+)/, (_, head, n) => `${head}${Number(n) + 1}`),
    );
    const before = digest(at('build/core.wasm'));
    expect(build()).toEqual(['core', 'core as JavaScript', ...TYPESCRIPT]);
    expect(digest(at('build/core.wasm'))).not.toBe(before);
  });

  it('fails where a step fails, says which file is wrong, and does that step again next time', () => {
    appendFileSync(at('assembly/index.ts'), 'this is no AssemblyScript\n');
    expect(() => build()).toThrow(/assembly\/index\.ts/);
    expect(() => build()).toThrow(/assembly\/index\.ts/);
    copyFileSync(join(root, 'assembly/index.ts'), at('assembly/index.ts'));
    expect(build()).toEqual(['core']);
  });
});
