/**
 * Guards how tests are counted (`tools/tally.ts`): what a real run of vitest did, and that nothing which was skipped, died or
 * could not be loaded passes for done.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { count, type Line, type Skip, wrongSkips } from '../../tools/tally';

const root = fileURLToPath(new URL('../..', import.meta.url));
const line = (state: string, name = 'a', file = 'test/a.test.ts'): Line => ({ file, name, state });
const SKIPS: Skip[] = [
  { file: 'test/a.test.ts', name: 'needs', reason: 'There is no such machine.' },
  { file: 'test/b.test.ts', reason: 'There is no such machine.' },
];

describe('a count', () => {
  it('adds up what passed and what failed', () => {
    const said = count([line('passed'), line('passed'), line('failed')], 1, []);
    expect(said).toEqual({ passed: 2, failed: 1, skipped: 0, complaints: [] });
  });

  it('takes a skipped test for failed unless it is named with a reason', () => {
    const lines = [
      line('skipped', 'needs a browser'),
      line('skipped', 'x', 'test/b.test.ts'),
      line('skipped', 'alone'),
    ];
    const said = count(lines, 0, SKIPS);
    expect(said).toMatchObject({ passed: 0, failed: 1, skipped: 2 });
    expect(said.complaints).toEqual(['skipped without a reason in test/skips.json: test/a.test.ts > alone']);
  });

  it('takes a test that never ended for failed', () => {
    expect(count([line('pending')], 0, SKIPS)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('takes a step that died for failed, whatever its tests say', () => {
    expect(count([line('passed')], 137, [])).toMatchObject({ passed: 1, failed: 1 });
    expect(count([], 1, [])).toMatchObject({ passed: 0, failed: 1 });
    expect(count([line('passed')], Number('not a number'), [])).toMatchObject({ failed: 1 });
  });

  it('takes a step without tests for one', () => {
    expect(count([], 0, [])).toMatchObject({ passed: 1, failed: 0, skipped: 0 });
  });
});

describe('test/skips.json', () => {
  it('names files that are there, each with a reason', () => {
    const skips = JSON.parse(readFileSync(join(root, 'test/skips.json'), 'utf8')) as Skip[];
    expect(skips.length).toBeGreaterThan(0);
    expect(wrongSkips(skips, (file) => existsSync(join(root, file)))).toEqual([]);
  });

  it('is refused with an entry that has no reason, or whose file is gone', () => {
    const wrong = [
      { file: 'test/a.test.ts', reason: ' ' },
      { file: 'test/gone.test.ts', reason: 'For no reason.' },
    ];
    expect(wrongSkips(wrong, (file) => file === 'test/a.test.ts')).toEqual([
      'test/skips.json: test/a.test.ts has no reason',
      'test/skips.json: test/gone.test.ts is gone',
    ]);
  });
});

describe('a run of vitest', () => {
  let folder = '';
  let tally = '';
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'tracehound-tally-')));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    tally = join(folder, 'tally');
    const test = (name: string, body: string): void => writeFileSync(join(folder, name), body);
    const head = "import { afterAll, expect, it } from 'vitest';\n";
    test(
      'one.test.ts',
      `${head}it('holds', () => {});\nit('breaks', () => expect(1).toBe(2));\nit.skip('waits', () => {});`,
    );
    test('two.test.ts', "throw new Error('not loaded');");
    test('three.test.ts', `${head}it('holds', () => {});\nafterAll(() => { throw new Error('left a mess'); });`);
    test(
      'vitest.config.ts',
      `import { Tally } from ${JSON.stringify(join(root, 'tools/tally.ts'))};
export default { test: { root: ${JSON.stringify(folder)}, include: ['*.test.ts'], reporters: [new Tally()] } };`,
    );
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    spawnSync(process.execPath, [vitest, 'run', '--config', join(folder, 'vitest.config.ts')], {
      env: { ...process.env, TRACEHOUND_TALLY: tally, VITEST: undefined },
      stdio: 'ignore',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('leaves a line for each test, and one for each file that failed apart from its tests', () => {
    const lines = readFileSync(tally, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((each) => JSON.parse(each) as Line)
      .map(({ file, name, state }) => [file.split('/').at(-1), name, state]);
    expect(lines.sort()).toEqual([
      ['one.test.ts', 'breaks', 'failed'],
      ['one.test.ts', 'holds', 'passed'],
      ['one.test.ts', 'waits', 'skipped'],
      ['three.test.ts', 'holds', 'passed'],
      ['three.test.ts', 'the file itself', 'failed'],
      ['two.test.ts', 'the file itself', 'failed'],
    ]);
  });

  it('is counted by the command that CI calls', () => {
    const said = execFileSync(process.execPath, [join(root, 'tools/tally.ts'), tally, '1'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(said).toBe('2 4 0\n');
  });
});
