/**
 * Draws faults by seed and writes them as patches: `node tools/mutate.ts --seed 7 --count 30 [--out test/mutants]`.
 *
 * A fault is small: a comparison that includes or leaves out its end, a number off by one, `&&` for `||`, a statement that
 * is left out, a condition that is negated, a boolean that is flipped. The kind is drawn first, then the place, so that
 * what is frequent in the sources does not fill the draw. The same seed over the same sources draws the same faults.
 *
 * Relies on: oxc-parser, which gives positions in the text. Refuses: to write a patch for which no test is known by its
 * path; types and `throw`n sentences are left alone, because no test should hold them.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseSync } from 'oxc-parser';

const root = join(import.meta.dirname, '..');

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export const KINDS = [
  'comparison',
  'off-by-one',
  'and-or',
  'dropped-statement',
  'negated-condition',
  'boolean',
] as const;
type Kind = (typeof KINDS)[number];

export interface Mutation {
  readonly file: string;
  readonly kind: Kind;
  /** From 1. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** What stands there instead. */
  readonly text: string;
}

const COMPARISONS: Readonly<Record<string, string>> = {
  ...{ '<': '<=', '<=': '<', '>': '>=', '>=': '>' },
  ...{ '===': '!==', '!==': '===', '==': '!=', '!=': '==' },
};
const SUMS: Readonly<Record<string, string>> = { '+': '-', '-': '+' };
const LOGICAL: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Nodes in which nothing is changed: types, what a module is called, and sentences for people. */
const LEFT_ALONE = /^(TS(?!AsExpression|NonNull|Satisfies|TypeAssertion)|Import|Export(All|Named)|Throw|Decorator)/;

function* nodes(node: Node): Generator<Node> {
  if (LEFT_ALONE.test(node.type) && !(node.type === 'ExportNamedDeclaration' && isNode(node.declaration))) return;
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* nodes(child);
  }
}

/** Every fault that can be put into a file. */
export function mutations(file: string, text: string): Mutation[] {
  const { program, errors } = parseSync(file, text, { lang: 'ts' });
  if (errors.length > 0) throw new Error(`${file}: not readable, expected TypeScript, got ${errors[0]?.message}`);
  const found: Mutation[] = [];
  const put = (kind: Kind, start: number, end: number, instead: string): void => {
    const line = text.slice(0, start).split('\n').length;
    found.push({ file, kind, line, start, end, text: instead });
  };
  /** The operator stands between its two sides; a comment there could hold the same sign. */
  const operator = (kind: Kind, node: Node, others: Readonly<Record<string, string>>): void => {
    const sign = node.operator as string;
    const other = others[sign];
    const from = (node.left as Node).end;
    const between = text.slice(from, (node.right as Node).start);
    const at = from + between.indexOf(sign);
    if (other !== undefined && !/\/[/*]/.test(between)) put(kind, at, at + sign.length, other);
  };
  for (const node of nodes(program as unknown as Node)) {
    if (node.type === 'BinaryExpression') {
      operator('comparison', node, COMPARISONS);
      // A sum of texts is a sentence more often than a number.
      if (!/['"`]/.test(text.slice(node.start, node.end))) operator('off-by-one', node, SUMS);
    }
    if (node.type === 'LogicalExpression') operator('and-or', node, LOGICAL);
    if (node.type === 'Literal' && typeof node.value === 'number' && Number.isSafeInteger(node.value)) {
      put('off-by-one', node.start, node.end, String(node.value + 1));
    }
    if (node.type === 'Literal' && typeof node.value === 'boolean') {
      put('boolean', node.start, node.end, String(!node.value));
    }
    if (node.type === 'IfStatement' || node.type === 'ConditionalExpression') {
      const { start, end } = node.test as Node;
      put('negated-condition', start, end, `!(${text.slice(start, end)})`);
    }
    if (node.type === 'ExpressionStatement' && !/^['"]/.test(text.slice(node.start, node.end))) {
      const { type } = node.expression as Node;
      if (/^(Call|Assignment|Update|Await)Expression$/.test(type)) put('dropped-statement', node.start, node.end, ';');
    }
  }
  return found;
}

/** Lines around a change, so that a patch finds its place when lines above it came or went. */
const CONTEXT = 3;

/** A fault as a unified diff, below lines that say which tests must find it. */
export function patchOf(mutation: Mutation, text: string, tests: readonly string[], drawn: string): string {
  const { file, kind, line, start, end } = mutation;
  const before = text.split('\n');
  const after = `${text.slice(0, start)}${mutation.text}${text.slice(end)}`.split('\n');
  const lines = text.slice(start, end).split('\n').length;
  const first = Math.max(0, line - 1 - CONTEXT);
  const last = Math.min(before.length - 1, line - 1 + lines + CONTEXT);
  const gone = before.slice(line - 1, line - 1 + lines);
  const come = after.slice(line - 1, line - 1 + lines + after.length - before.length);
  const above = before.slice(first, line - 1);
  const below = before.slice(line - 1 + lines, last);
  const sizes = [above.length + gone.length + below.length, above.length + come.length + below.length];
  return [
    `# tests: ${tests.join(' ')}`,
    `# drawn: ${drawn}, ${kind}, ${file}:${line}`,
    `diff --git a/${file} b/${file}`,
    `--- a/${file}`,
    `+++ b/${file}`,
    `@@ -${first + 1},${sizes[0]} +${first + 1},${sizes[1]} @@`,
    ...[...above.map((each) => ` ${each}`), ...gone.map((each) => `-${each}`), ...come.map((each) => `+${each}`)],
    ...below.map((each) => ` ${each}`),
    '',
  ].join('\n');
}

/** Files below a folder that end so, from the root, sorted. */
function below(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.endsWith('.d.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();
}

/**
 * The tests of a source file by its path: `src/a/b.ts` → `test/src/a/b.test.ts`, `assembly/x.ts` → `test/core/x*.test.ts`;
 * else those whose first comment names it; else those of its room.
 */
export function testsOf(file: string, tests: readonly string[], header: (test: string) => string): string[] {
  const name = file.replace(/^(src|assembly)\//, '').replace(/\.ts$/, '');
  const [own, room] = file.startsWith('src/')
    ? [(test: string) => test === `test/src/${name}.test.ts`, dirname(`test/src/${name}`)]
    : [
        (test: string) => test.startsWith('test/core/') && basename(test).split(/[.-]/)[0] === basename(name),
        'test/core',
      ];
  const mirrored = tests.filter(own);
  if (mirrored.length > 0) return mirrored;
  const named = tests.filter((test) => header(test).includes(file.startsWith('src/') ? file.slice(4) : file));
  return named.length > 0 ? named : tests.filter((test) => dirname(test) === room);
}

/** mulberry32: small, and the same everywhere. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Draws `count` faults, each at a line of its own, without telling which were drawn before. */
export function draw(all: readonly Mutation[], seed: number, count: number): Mutation[] {
  const roll = dice(seed);
  const left = new Map<Kind, Mutation[]>(KINDS.map((kind) => [kind, all.filter((each) => each.kind === kind)]));
  const drawn: Mutation[] = [];
  while (drawn.length < count) {
    const kinds = KINDS.filter((kind) => left.get(kind)!.length > 0);
    if (kinds.length === 0)
      throw new RangeError(`mutate: too many, expected ≤ ${drawn.length} of these sources, got ${count}`);
    const places = left.get(kinds[roll(kinds.length)]!)!;
    const [mutation] = places.splice(roll(places.length), 1);
    if (!drawn.some(({ file, line }) => file === mutation!.file && line === mutation!.line)) drawn.push(mutation!);
  }
  return drawn;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      count: { type: 'string', default: '30' },
      out: { type: 'string', default: 'test/mutants' },
    },
  });
  const [seed, count] = [Number(values.seed), Number(values.count)];
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
    throw new RangeError('mutate: expected --seed N --count N, both integers');
  }
  const texts = new Map(
    [...below('src', '.ts'), ...below('assembly', '.ts').filter((file) => !file.startsWith('assembly/testing'))].map(
      (file) => [file, readFileSync(join(root, file), 'utf8')],
    ),
  );
  const tests = [...below('test/src', '.test.ts'), ...below('test/core', '.test.ts')];
  const header = (test: string): string =>
    /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(join(root, test), 'utf8'))?.[0] ?? '';
  const out = join(root, values.out);
  mkdirSync(out, { recursive: true });
  const numbers = readdirSync(out).map((name) => Number.parseInt(name, 10) || 0);
  let number = Math.max(0, ...numbers);
  const all = [...texts].flatMap(([file, text]) => mutations(file, text));
  for (const mutation of draw(all, seed, count)) {
    const { file, kind, line } = mutation;
    const found = testsOf(file, tests, header);
    if (found.length === 0) throw new Error(`mutate: no test of ${file} by its path, its name or its room`);
    const slug = file.replace(/\.ts$/, '').replaceAll('/', '-');
    const name = `${String(++number).padStart(2, '0')}-${slug}-${line}-${kind}.patch`;
    writeFileSync(join(out, name), patchOf(mutation, texts.get(file)!, found, `seed ${seed}`));
    console.log(`${name}  ${found.join(' ')}`);
  }
}
