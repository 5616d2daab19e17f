/**
 * Guards how faults are drawn (`tools/mutate.ts`): each kind where it belongs and nowhere else, the same draw for the same
 * seed, and patches over the real sources that apply and name tests that are there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readMutant } from '../../tools/mutants';
import { draw, KINDS, mutations, patchOf, testsOf } from '../../tools/mutate';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Each fault of a text, as the text it makes. */
const made = (text: string, kind?: string): string[] =>
  mutations('src/a.ts', text)
    .filter((each) => kind === undefined || each.kind === kind)
    .map(({ start, end, text: instead }) => `${text.slice(0, start)}${instead}${text.slice(end)}`);

describe('the faults of a file', () => {
  it.each<[string, string, string[]]>([
    ['comparison', 'f(a < b);', ['f(a <= b);']],
    ['comparison', 'f(a /* < */ >= b);', []],
    ['comparison', 'f((a) !== b);', ['f((a) === b);']],
    ['off-by-one', 'f(i + 1);', ['f(i - 1);', 'f(i + 2);']],
    ['off-by-one', "f('a' + b);", []],
    ['and-or', 'f(a && (b || c));', ['f(a || (b || c));', 'f(a && (b && c));']],
    ['and-or', 'f(a ?? b);', []],
    ['dropped-statement', 'f(); x = y;', ['; x = y;', 'f(); ;']],
    ['dropped-statement', "'use strict';", []],
    ['negated-condition', 'if (a) f(b ? c : d);', ['if (!(a)) f(b ? c : d);', 'if (a) f(!(b) ? c : d);']],
    ['boolean', 'f(true, false);', ['f(false, false);', 'f(true, true);']],
  ])('%s: %s', (kind, text, expected) => {
    expect(made(text, kind)).toEqual(expected);
  });

  it('leaves types, imports and what is thrown alone', () => {
    expect(
      made("import { a } from 'x';\ntype T = 1 | true;\ninterface I { a: 2 }\nexport { a };\nthrow new E(3, true);"),
    ).toEqual([]);
    expect(made('const a = b as unknown as 4;\nexport const c = 5;')).toEqual([
      'const a = b as unknown as 4;\nexport const c = 6;',
    ]);
  });

  it('says so when it cannot read a file', () => {
    expect(() => mutations('src/a.ts', 'const = 1;')).toThrow(/^src\/a\.ts: not readable/);
  });
});

describe('a draw', () => {
  const all = mutations(
    'src/a.ts',
    Array.from({ length: 50 }, (_, i) => `if (a${i} < ${i} && true) f(${i});`).join('\n'),
  );

  it('is the same for the same seed, and another for another', () => {
    expect(draw(all, 7, 20)).toEqual(draw(all, 7, 20));
    expect(draw(all, 8, 20)).not.toEqual(draw(all, 7, 20));
  });

  it('draws each line once, and every kind before long', () => {
    const drawn = draw(all, 7, 40);
    expect(new Set(drawn.map(({ line }) => line)).size).toBe(40);
    expect(new Set(drawn.map(({ kind }) => kind))).toEqual(new Set(KINDS));
    expect(() => draw(all, 7, 51)).toThrow(RangeError);
  });
});

describe('the tests of a file', () => {
  const tests = [
    'test/src/a/b.test.ts',
    'test/src/a/c.test.ts',
    'test/core/slab.test.ts',
    'test/core/limiter-attacks.test.ts',
    'test/core/limiter.test.ts',
  ];
  const header = (test: string): string => (test === 'test/src/a/c.test.ts' ? '/** Guards a/d.ts. */' : '');

  it.each([
    ['src/a/b.ts', ['test/src/a/b.test.ts']],
    ['src/a/d.ts', ['test/src/a/c.test.ts']],
    ['src/a/e.ts', ['test/src/a/b.test.ts', 'test/src/a/c.test.ts']],
    ['assembly/limiter.ts', ['test/core/limiter-attacks.test.ts', 'test/core/limiter.test.ts']],
    ['assembly/slots.ts', tests.slice(2)],
  ])('%s are found by its path, else by name, else by room', (file, expected) => {
    expect(testsOf(file, tests, header)).toEqual(expected);
  });
});

describe('a patch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-mutate-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('says in its first line which tests must find it', () => {
    const text = 'one();\ntwo();\nthree();\n';
    const [, second] = mutations('src/a.ts', text);
    const patch = patchOf(second!, text, ['test/src/a.test.ts'], 'seed 7');
    expect(readMutant('x', patch)).toMatchObject({ tests: ['test/src/a.test.ts'], files: ['src/a.ts'] });
    expect(patch.split('\n').slice(5)).toEqual(['@@ -1,3 +1,3 @@', ' one();', '-two();', '+;', ' three();', '']);
  });

  it('applies to the sources as they are, whatever was drawn, and names tests that are there', () => {
    const out = relative(root, folder);
    const args = [join(root, 'tools/mutate.ts'), '--seed', '3', '--count', '60', '--out', out];
    execFileSync(process.execPath, args, { cwd: root, stdio: 'ignore' });
    const names = readdirSync(folder).sort();
    expect(names).toHaveLength(60);
    expect(new Set(names.map((name) => KINDS.find((kind) => name.endsWith(`-${kind}.patch`))))).toEqual(new Set(KINDS));
    for (const name of names) {
      const { tests, files } = readMutant(name, readFileSync(join(folder, name), 'utf8'));
      expect(
        tests.filter((test) => !existsSync(join(root, test))),
        name,
      ).toEqual([]);
      expect(files, name).toHaveLength(1);
      execFileSync('git', ['apply', '--check', join(folder, name)], { cwd: root });
    }
  });
});
