/**
 * The sentences that are thrown, as the sources spell them: each `new TypeError(…)` and its like with every form that its
 * message can have, where what is only known at run time is `${}`.
 *
 * Relies on: oxc-parser. Refuses: to follow a value further than the constants of its file. A message that is handed over
 * whole as a parameter has no form here, and is an offence: who throws must be seen to say what was expected and what came.
 * The one exception is the `message` of something that carries a finished sentence: an answer of another instance, a refusal.
 */
import { parseSync } from 'oxc-parser';
import type { House } from './rules';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

const CLASSES = new Set(['Error', 'TypeError', 'RangeError', 'SyntaxError', 'TracehoundError']);
/** *part: problem, expected X, got Y*; a problem that the expectation already says may be left out. */
const SENTENCE = /^.+: (?:.+, )?expected .+, got .+$/s;
const HOLE = '$' + '{}';
/** Stands for a sentence that was finished elsewhere. */
const FINISHED = 'elsewhere: finished, expected a sentence, got one';
const FORMS_MAX = 64;

export interface Sentence {
  readonly start: number;
  readonly forms: readonly string[];
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function* within(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* within(child);
  }
}

/** Every error that the text makes. */
export function sentencesOf(path: string, text: string): Sentence[] {
  const nodes = [...within(parseSync(path, text, { lang: 'ts' }).program as unknown as Node)];
  const constants = new Map<string, Node[]>();
  for (const node of nodes) {
    if (node.type !== 'VariableDeclarator' || !isNode(node.init)) continue;
    const name = (node.id as Node).name as string;
    constants.set(name, [...(constants.get(name) ?? []), node.init]);
  }
  return nodes.flatMap((node) => {
    const name = isNode(node.callee) ? (node.callee.name as string) : '';
    if (node.type !== 'NewExpression' || !CLASSES.has(name)) return [];
    const said = (node.arguments as Node[])[name === 'TracehoundError' ? 1 : 0];
    return [{ start: node.start, forms: said === undefined ? [''] : formsOf(said, constants, 0) }];
  });
}

function formsOf(node: Node, constants: ReadonlyMap<string, readonly Node[]>, depth: number): string[] {
  const of = (inner: unknown): string[] => formsOf(inner as Node, constants, depth + 1);
  const joined = (all: readonly string[][]): string[] =>
    all.reduce((left, right) => left.flatMap((a) => right.map((b) => a + b)).slice(0, FORMS_MAX), ['']);
  if (depth > 8) return [HOLE];
  switch (node.type) {
    case 'Literal':
      return [String(node.value)];
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSNonNullExpression':
      return of(node.expression);
    case 'ConditionalExpression':
      return [...of(node.consequent), ...of(node.alternate)];
    case 'LogicalExpression':
      return [...of(node.left), ...of(node.right)];
    case 'BinaryExpression':
      return node.operator === '+' ? joined([of(node.left), of(node.right)]) : [HOLE];
    case 'TemplateLiteral': {
      const texts = (node.quasis as Node[]).map((quasi) => [(quasi.value as { cooked: string }).cooked]);
      const holes = (node.expressions as Node[]).map(of);
      return joined(texts.flatMap((text, i) => [text, holes[i] ?? ['']]));
    }
    case 'Identifier':
      return (
        constants
          .get(node.name as string)
          ?.flatMap(of)
          .slice(0, FORMS_MAX) ?? [HOLE]
      );
    case 'MemberExpression':
      return (node.property as Node).name === 'message' ? [FINISHED] : [HOLE];
    default:
      return [HOLE];
  }
}

/** Errors that do not say what was expected, or what came instead. */
export function halfSentences(house: House): string[] {
  const offences: string[] = [];
  for (const [path, text] of house) {
    if (!/^(src|runtimes)\/.*\.ts$/.test(path)) continue;
    for (const { start, forms } of sentencesOf(path, text)) {
      const line = text.slice(0, start).split('\n').length;
      const half = forms.find((form) => !SENTENCE.test(form));
      if (half !== undefined) offences.push(`${path}:${line}: "${half}", expected "part: problem, expected X, got Y"`);
    }
  }
  return offences;
}
