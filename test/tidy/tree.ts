/**
 * What the rules of the house read of a file that regular expressions cannot: its functions, how long they are, what they
 * close over, and which names it declares, exports and imports.
 *
 * Relies on: oxc-parser, which reads TypeScript as it is written. Refuses: types — only names that exist at run time are
 * closed over.
 */
import { parseSync } from 'oxc-parser';

/** A node of the ESTree that oxc makes. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface FunctionFacts {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Names of the functions around it that it uses. */
  readonly closesOver: readonly string[];
}

export interface Declared {
  readonly name: string;
  readonly start: number;
  readonly exported: boolean;
  /** A function, also one that is the value of a constant. */
  readonly isFunction: boolean;
  readonly isType: boolean;
  /** Of a `const` or `let`. */
  readonly isConstant: boolean;
}

/** `import { a as b } from 'x'` uses `a` of x; `export { a } from 'x'` too; `import * as x` and `import('x')` use `*`. */
export interface Use {
  readonly specifier: string;
  readonly name: string;
  /** A re-export hands the name on under this one. */
  readonly as?: string;
}

export interface Tree {
  readonly functions: readonly FunctionFacts[];
  /** At the top level. */
  readonly declared: readonly Declared[];
  readonly uses: readonly Use[];
  /** Names that the file itself uses beside their declaration. */
  readonly usedWithin: ReadonlySet<string>;
}

const trees = new Map<string, Tree>();

/** The same text is read once. Throws for text that is no TypeScript. */
export function treeOf(path: string, text: string): Tree {
  const known = trees.get(text);
  if (known !== undefined) return known;
  const { program, errors } = parseSync(path, text, { lang: 'ts' });
  if (errors.length > 0) throw new Error(`${path}: not readable, expected TypeScript, got ${errors[0]?.message}`);
  const tree = read(program as unknown as Node);
  trees.set(text, tree);
  return tree;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function* children(node: Node): Generator<[field: string, child: Node]> {
  for (const [field, value] of Object.entries(node)) {
    if (isNode(value)) yield [field, value];
    else if (Array.isArray(value)) for (const each of value) if (isNode(each)) yield [field, each];
  }
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** What of a `TS…` node exists at run time: the value in `value as T`, `value!`, `value satisfies T`. */
const VALUES = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']);

class Scope {
  readonly node: Node;
  readonly outer: Scope | undefined;
  readonly declared = new Set<string>();
  readonly used = new Set<string>();
  readonly inner: Scope[] = [];
  name = '';

  constructor(node: Node, outer: Scope | undefined) {
    this.node = node;
    this.outer = outer;
    outer?.inner.push(this);
  }
}

/** Names that a pattern binds. */
function* bound(pattern: unknown): Generator<string> {
  if (!isNode(pattern)) return;
  if (pattern.type === 'Identifier') yield pattern.name as string;
  else if (pattern.type === 'AssignmentPattern') yield* bound(pattern.left);
  else if (pattern.type === 'RestElement') yield* bound(pattern.argument);
  else if (pattern.type === 'TSParameterProperty') yield* bound(pattern.parameter);
  else if (pattern.type === 'ArrayPattern') for (const each of pattern.elements as unknown[]) yield* bound(each);
  else if (pattern.type === 'ObjectPattern')
    for (const each of pattern.properties as Node[]) yield* bound(each.type === 'Property' ? each.value : each);
}

function declare(node: Node, scope: Scope): void {
  if (node.type === 'VariableDeclaration')
    for (const each of node.declarations as Node[]) for (const name of bound(each.id)) scope.declared.add(name);
  if (node.type === 'CatchClause') for (const name of bound(node.param)) scope.declared.add(name);
  if ((node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') && isNode(node.id))
    scope.declared.add(node.id.name as string);
}

/** Identifiers that name a property, a label or a parameter of a type are no uses. */
function isUse(node: Node, field: string, parent: Node): boolean {
  if (node.type !== 'Identifier') return false;
  if (parent.type === 'MemberExpression' && field === 'property') return parent.computed === true;
  if (field === 'key') return parent.computed === true;
  // The name of a function or class is its declaration.
  return field !== 'label' && !(field === 'id' && parent.type !== 'VariableDeclarator');
}

function read(program: Node): Tree {
  const top = new Scope(program, undefined);
  const scopes: Scope[] = [];
  const usedWithin = new Map<string, number>();
  const visit = (node: Node, scope: Scope, name: string): void => {
    let here = scope;
    declare(node, scope);
    if (FUNCTIONS.has(node.type)) {
      here = new Scope(node, scope);
      here.name = isNode(node.id) ? (node.id.name as string) : name;
      for (const each of node.params as Node[]) for (const one of bound(each)) here.declared.add(one);
      scopes.push(here);
    }
    for (const [field, child] of children(node)) {
      if (child.type.startsWith('TS') && !VALUES.has(child.type) && child.type !== 'TSParameterProperty') {
        typeNames(child, usedWithin);
        continue;
      }
      if (VALUES.has(node.type) && field !== 'expression') continue;
      if (isUse(child, field, node)) {
        here.used.add(child.name as string);
        usedWithin.set(child.name as string, (usedWithin.get(child.name as string) ?? 0) + 1);
      }
      visit(child, here, nameOf(node, child) ?? name);
    }
  };
  visit(program, top, '');
  const declared = topLevel(program);
  // The declaration of a constant or a type was counted as one use.
  const counted = new Set(declared.filter(({ isConstant, isType }) => isConstant || isType).map(({ name }) => name));
  return {
    functions: scopes.map((scope) => factsOf(scope, top)),
    declared,
    uses: usesOf(program),
    usedWithin: new Set(
      [...usedWithin].filter(([name, count]) => count > (counted.has(name) ? 1 : 0)).map(([name]) => name),
    ),
  };
}

function typeNames(node: Node, into: Map<string, number>): void {
  if (node.type === 'Identifier') into.set(node.name as string, (into.get(node.name as string) ?? 0) + 1);
  for (const [, child] of children(node)) typeNames(child, into);
}

function nameOf(parent: Node, child: Node): string | undefined {
  if (!FUNCTIONS.has(child.type)) return undefined;
  const named = parent.id ?? parent.key;
  return isNode(named) ? String(named.name ?? '') : undefined;
}

/** What a function and those inside it use and do not declare themselves. */
function free(scope: Scope): Set<string> {
  const names = new Set(scope.used);
  for (const inner of scope.inner) for (const name of free(inner)) names.add(name);
  for (const name of scope.declared) names.delete(name);
  return names;
}

function factsOf(scope: Scope, top: Scope): FunctionFacts {
  const isAround = (name: string): boolean => {
    for (let at = scope.outer; at !== undefined && at !== top; at = at.outer) if (at.declared.has(name)) return true;
    return false;
  };
  const closesOver = [...free(scope)].filter(isAround).sort();
  return { name: scope.name, start: scope.node.start, end: scope.node.end, closesOver };
}

function topLevel(program: Node): Declared[] {
  const found: Declared[] = [];
  for (const statement of program.body as Node[]) {
    const exported = statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration';
    const node = exported ? statement.declaration : statement;
    if (!isNode(node)) continue;
    const add = (id: unknown, isFunction: boolean, isType: boolean): void => {
      for (const name of bound(id))
        found.push({
          name,
          start: node.start,
          exported,
          isFunction,
          isType,
          isConstant: node.type === 'VariableDeclaration',
        });
    };
    if (node.type === 'VariableDeclaration') {
      for (const each of node.declarations as Node[])
        add(each.id, isNode(each.init) && FUNCTIONS.has(each.init.type), false);
    } else if (node.type === 'FunctionDeclaration') add(node.id, true, false);
    else if (node.type === 'ClassDeclaration') add(node.id, false, false);
    else if (node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration')
      add(node.id, false, true);
  }
  return found;
}

function usesOf(program: Node): Use[] {
  const uses: Use[] = [];
  const from = (node: Node): string => (node.source as { value: string }).value;
  const visit = (node: Node): void => {
    if (node.type === 'ImportDeclaration') {
      for (const each of node.specifiers as Node[]) {
        const imported = each.imported as Node | undefined;
        uses.push({
          specifier: from(node),
          name: imported === undefined ? '*' : String(imported.name ?? imported.value),
        });
      }
    } else if (node.type === 'ExportNamedDeclaration' && isNode(node.source)) {
      for (const each of node.specifiers as Node[]) {
        const [local, exported] = [each.local as Node, each.exported as Node];
        uses.push({ specifier: from(node), name: String(local.name), as: String(exported.name) });
      }
    } else if (node.type === 'ExportAllDeclaration') uses.push({ specifier: from(node), name: '*', as: '*' });
    else if (node.type === 'ImportExpression' || node.type === 'TSImportType') {
      const source = node.source as Node | undefined;
      if (typeof source?.value === 'string') uses.push({ specifier: source.value, name: '*' });
    }
    for (const [, child] of children(node)) visit(child);
  };
  visit(program);
  return uses;
}
