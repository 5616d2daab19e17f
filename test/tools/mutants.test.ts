/**
 * Guards `tools/mutants.ts` in a small house of its own, with real git and real vitest: a fault that a test finds, one that
 * none finds, one that cannot be put in, and that the working tree stays as it is.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMutant } from '../../tools/mutants';

const root = fileURLToPath(new URL('../..', import.meta.url));
const house = mkdtempSync(join(tmpdir(), 'tracehound-house-'));
const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(house, path)), { recursive: true });
  writeFileSync(join(house, path), text);
};

const SOURCE = 'export const isSmall = (n: number): boolean => n < 10;\nexport const name = (): string => "small";\n';
const fault = (tests: string, from: string, to: string): string =>
  `# tests: ${tests}\n# why: shown here\ndiff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,2 @@\n-${from}\n+${to}\n ${SOURCE.split('\n')[1]}\n`;
const LINE = SOURCE.split('\n')[0]!;
const FOUND = fault('test/a.test.ts', LINE, LINE.replace('< 10', '> 10'));
const UNNOTICED = fault('test/a.test.ts', LINE, LINE.replace('< 10', '<= 10'));

/** Runs the command; what it printed and how it ended. */
function mutants(...args: string[]): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(house, 'tools/mutants.ts'), ...args], {
    cwd: house,
    encoding: 'utf8',
    env: { ...process.env, VITEST: undefined, TRACEHOUND_TALLY: undefined },
  });
  return { code: status, said: stdout + stderr };
}

beforeAll(() => {
  put('src/a.ts', SOURCE);
  put(
    'test/a.test.ts',
    "import { expect, it } from 'vitest';\nimport { isSmall } from '../src/a';\nit('knows what is small', () => expect([isSmall(1), isSmall(100)]).toEqual([true, false]));\n",
  );
  put(
    'vitest.config.ts',
    "import { Tally } from './tools/tally.ts';\nexport default { test: { include: ['test/*.test.ts'], reporters: ['default', new Tally()] } };\n",
  );
  put('.gitignore', 'node_modules\n');
  for (const tool of ['mutants.ts', 'tally.ts']) {
    mkdirSync(join(house, 'tools'), { recursive: true });
    copyFileSync(join(root, 'tools', tool), join(house, 'tools', tool));
  }
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'));
  execFileSync('git', ['init', '--quiet'], { cwd: house });
});
afterAll(() => rmSync(house, { recursive: true, force: true }));

/** Only these patches, for one test. */
function patches(given: Record<string, string>): void {
  rmSync(join(house, 'test/mutants'), { recursive: true, force: true });
  for (const [name, text] of Object.entries(given)) put(`test/mutants/${name}.patch`, text);
}

describe('npm run mutants', { timeout: 120_000 }, () => {
  it('names the test that finds a fault, and the faults that no test finds', () => {
    patches({ '01-found': FOUND, '02-unnoticed': UNNOTICED });
    const { code, said } = mutants();
    expect(said).toMatch(/^01-found\.patch {2}killed by test\/a\.test\.ts > knows what is small/m);
    expect(said).toMatch(/^02-unnoticed\.patch {2}SURVIVED/m);
    expect(said).toContain('1 killed, 1 survived, 0 broken, of 2');
    expect(code).toBe(0);
  });

  it('fails when more survive than may', () => {
    expect(mutants('--survivors', '0').code).toBe(1);
    expect(mutants('--survivors', '0', '01').code).toBe(0);
  });

  it('leaves the working tree as it is', () => {
    expect(readFileSync(join(house, 'src/a.ts'), 'utf8')).toBe(SOURCE);
    const status = execFileSync('git', ['status', '--porcelain'], { cwd: house, encoding: 'utf8' });
    expect(status.split('\n').filter(Boolean).sort()).toEqual(
      ['.gitignore', 'src/', 'test/', 'tools/', 'vitest.config.ts'].map((path) => `?? ${path}`),
    );
  });

  it('fails when a patch does not apply, and goes on with the others', () => {
    patches({
      '01-old': fault('test/a.test.ts', 'export const gone = 1;', 'export const gone = 2;'),
      '02-found': FOUND,
    });
    const { code, said } = mutants();
    expect(said).toMatch(/^01-old\.patch {2}BROKEN, does not apply/m);
    expect(said).toMatch(/^02-found\.patch {2}killed/m);
    expect(code).toBe(1);
  });

  it('fails when a test that is named is not there', () => {
    patches({ '01-found': FOUND.replace('test/a.test.ts', 'test/gone.test.ts') });
    expect(mutants()).toMatchObject({ code: 1, said: expect.stringContaining('no such test') });
  });

  it('fails when the tests are red without any fault', () => {
    patches({ '01-found': FOUND });
    put('test/b.test.ts', "import { expect, it } from 'vitest';\nit('is red', () => expect(1).toBe(2));\n");
    put('test/mutants/02-red.patch', FOUND.replace('test/a.test.ts', 'test/b.test.ts'));
    const { code, said } = mutants();
    rmSync(join(house, 'test/b.test.ts'));
    expect(said).toContain('red without any fault: test/b.test.ts > is red');
    expect(code).toBe(1);
  });

  it('refuses a patch that names no test or changes nothing', () => {
    expect(() => readMutant('x', FOUND.replace('# tests', '# test'))).toThrow(/^x: no tests/);
    expect(() => readMutant('x', '# tests: test/a.test.ts\n')).toThrow(/^x: no change/);
    expect(readMutant('x', FOUND)).toEqual({ name: 'x', tests: ['test/a.test.ts'], files: ['src/a.ts'] });
  });
});
