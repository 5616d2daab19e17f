/**
 * What a page promises, and which tests it names for that: the rules behind security.test.ts.
 *
 * A promise is a row of a table whose last column is called `test`, and that has one. It names tests so:
 *
 *   `test/a/b.test.ts`, "title of a test or of a group", "another"; `test/c.test.ts`, "title"
 *
 * Relies on: oxc-parser for the titles in a file. Refuses: to run a test; whether it passes is seen where it runs.
 */
import { parseSync } from 'oxc-parser';

export interface Named {
  readonly file: string;
  readonly titles: readonly string[];
}

/** The tests that a text names, in their order. */
export function testsIn(text: string): Named[] {
  const named: { file: string; titles: string[] }[] = [];
  for (const [, file, title] of text.matchAll(/`(test\/[^`\s]+)`|"([^"]+)"/g)) {
    if (file !== undefined) named.push({ file, titles: [] });
    else if (title !== undefined) named.at(-1)?.titles.push(title);
  }
  return named;
}

/** One row of a table, or one paragraph or item of a list. */
export interface Block {
  readonly section: string;
  /** All of it, as it is written. */
  readonly text: string;
  /** Of a row in a table with a column `test`: the last cell. */
  readonly test?: string;
}

const cellsOf = (line: string): string[] =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

/** The blocks of a page, in their order, without headings and heads of tables. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let section = '';
  let head: string[] | undefined;
  let text = '';
  const end = (): void => {
    if (text !== '') blocks.push({ section, text });
    text = '';
  };
  for (const line of page.replace(/^```[\s\S]*?^```$/gm, '').split('\n')) {
    if (!line.startsWith('|')) head = undefined;
    if (line.startsWith('#')) {
      end();
      section = line.replace(/^#+ /, '');
    } else if (line.startsWith('|')) {
      end();
      const cells = cellsOf(line);
      if (head === undefined) head = cells;
      else if (!/^[-: |]+$/.test(line)) {
        const isPromise = head.at(-1) === 'test';
        blocks.push({ section, text: line, ...(isPromise ? { test: cells.at(-1) ?? '' } : {}) });
      }
    } else if (/^\s*[-*] /.test(line) || line.trim() === '') {
      end();
      text = line.trim();
    } else text = `${text} ${line.trim()}`.trim();
  }
  end();
  return blocks;
}

/** What only a promise says: that something is so whatever happens. */
const PROMISING = /\b(never|nobody|no one|cannot|nothing|always|whatever|whoever)\b/i;

/** Sections that say what is *not* promised, what is the reader's to choose, and how to write to us. */
export interface Exempt {
  readonly sections: readonly string[];
}

/** Every promise without a test, as a sentence. */
export function bare(page: string, { sections }: Exempt): string[] {
  return blocksOf(page).flatMap(({ section, text, test }) => {
    const words = text.slice(0, 60);
    if (test !== undefined) {
      const named = testsIn(test);
      const isWarning = test === '–' && !/\*Not trusted\*/.test(text);
      const isWhole = named.length > 0 && named.every(({ file, titles }) => titles.length > 0 || !file.endsWith('.ts'));
      return isWarning || isWhole ? [] : [`${section}: names no test with its title: ${words}`];
    }
    if (sections.includes(section) || !PROMISING.test(text)) return [];
    return [`${section}: a promise outside of the tables of promises: ${words}`];
  });
}

/** Files and titles that do not exist. `read`: the text of a file, `undefined` when there is none. */
export function unknownNames(page: string, read: (file: string) => string | undefined): string[] {
  return testsIn(page).flatMap(({ file, titles }) => {
    const text = read(file);
    if (text === undefined) return [`${file}: no such file`];
    if (!file.endsWith('.ts')) return [];
    const known = titlesOf(file, text);
    return titles.filter((title) => !known.has(title)).map((title) => `${file}: no test "${title}"`);
  });
}

interface Node {
  readonly type?: string;
  readonly [field: string]: unknown;
}

/** Titles of tests and groups in a file: the first argument of `it`, `test`, `describe` and of what they make. */
export function titlesOf(path: string, text: string): Set<string> {
  const { program, errors } = parseSync(path, text, { lang: 'ts' });
  if (errors.length > 0) throw new Error(`${path}: not readable, expected TypeScript, got ${errors[0]?.message}`);
  const titles = new Set<string>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) look(each);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const node = value as Node;
    if (node.type === 'CallExpression' && isTest(node.callee as Node)) {
      const title = textOf((node.arguments as Node[])[0]);
      if (title !== undefined) titles.add(title);
    }
    for (const field of Object.values(node)) look(field);
  };
  look(program);
  return titles;
}

/** `it`, `it.each(…)`, `describe.runIf(…)` … */
function isTest(callee: Node): boolean {
  if (callee.type === 'Identifier') return /^(it|test|describe)$/.test(callee.name as string);
  if (callee.type === 'MemberExpression') return isTest(callee.object as Node);
  return callee.type === 'CallExpression' && isTest(callee.callee as Node);
}

/** A string; of a template with holes, `…` for each. */
function textOf(node: Node | undefined): string | undefined {
  if (node?.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  if (node?.type !== 'TemplateLiteral') return undefined;
  return (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join('…');
}
