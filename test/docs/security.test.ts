/**
 * Guards SECURITY.md: each promise names the test that holds it, by file and title, and what is named exists. Whoever renames a
 * test is told here which promise it held. The tests that docs/audit.md names exist too.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { bare, blocksOf, testsIn, titlesOf, unknownNames } from './claims';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');
/** What is not promised, what is the reader's to choose, and how to write to us. */
const sections = ['Reporting a vulnerability', 'What the log cannot claim', 'Choices that are yours'];

const text = (file: string): string | undefined => {
  const path = join(root, file);
  if (!existsSync(path)) return undefined;
  return statSync(path).isFile() ? readFileSync(path, 'utf8') : '';
};

describe('a promise', () => {
  const table = (row: string): string => `## A\n\n| promise | test |\n| --- | --- |\n${row}\n`;
  const right = table('| It holds. | `test/a.test.ts`, "holds"; `test/b.test.ts`, "too", "as well" |');

  it('names tests by file and title', () => {
    expect(bare(right, { sections })).toEqual([]);
    expect(testsIn(right)).toEqual([
      { file: 'test/a.test.ts', titles: ['holds'] },
      { file: 'test/b.test.ts', titles: ['too', 'as well'] },
    ]);
  });

  it.each([
    ['an empty cell', table('| It holds. | |')],
    ['a dash', table('| It is *Not trusted*: at most it waits. | – |')],
    ['a file without a title', table('| It holds. | `test/a.test.ts` |')],
    ['a second file without a title', table('| It holds. | `test/a.test.ts`, "holds"; `test/b.test.ts` |')],
    ['words alone', table('| It holds. | everywhere |')],
    ['a paragraph', '## A\n\nThe wall never\nfalls.\n'],
    ['an item of a list', '## A\n\n- one\n- nobody gets through\n'],
    ['a table without a column for tests', '## A\n\n| part | |\n| --- | --- |\n| The wall | It cannot fall. |\n'],
  ])('is found without a test: %s', (_what, wrong) => {
    expect(bare(wrong, { sections })).toHaveLength(1);
  });

  it.each([
    ['a warning needs none', table('| *Trusted*: whoever controls it could do anything. | – |')],
    ['nor does what is not promised', `## ${sections[1]}\n\nWhat nobody can say.\n`],
    ['nor does a description', '## A\n\nThe wall has two doors.\n'],
  ])('%s', (_what, page) => {
    expect(bare(page, { sections })).toEqual([]);
  });

  it('is found with a file or a title that does not exist', () => {
    const files: Record<string, string> = {
      'test/a.test.ts': 'describe("a", () => { it("holds", f); })',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a test whose title has a hole
      'test/b.test.ts': 'it.each([1])("too", f); test.runIf(x)(`as ${y}`, f); other("as well");',
    };
    const named = (page: string): string[] => unknownNames(page, (file) => files[file]);
    expect(named(right)).toEqual(['test/b.test.ts: no test "as well"']);
    expect(named(right.replace('as well', 'as …'))).toEqual([]);
    expect(named(right.replace('a.test', 'c.test'))).toContain('test/c.test.ts: no such file');
    expect([...titlesOf('a.ts', files['test/a.test.ts'] as string)]).toEqual(['a', 'holds']);
  });
});

test('docs/audit.md names no test that does not exist', () => {
  const audit = readFileSync(join(root, 'docs', 'audit.md'), 'utf8');
  expect(testsIn(audit).length).toBeGreaterThan(20);
  expect(unknownNames(audit.replaceAll('"', ''), text)).toEqual([]);
});

describe('SECURITY.md', () => {
  it('makes no promise without a test', () => {
    expect(bare(page, { sections })).toEqual([]);
  });

  it('names no test that does not exist', () => {
    expect(unknownNames(page, text)).toEqual([]);
  });

  it('has its promises where they are read', () => {
    expect(blocksOf(page).filter(({ test }) => test !== undefined).length).toBeGreaterThan(60);
    expect(testsIn(page).length).toBeGreaterThan(70);
    for (const section of sections) expect(page, section).toContain(`## ${section}\n`);
  });
});
