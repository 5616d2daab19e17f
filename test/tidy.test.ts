/**
 * Guards the house: who may import whom (DESIGN §3), what a file may name, what is published. Each rule is first shown an
 * offender, so that a rule which no longer reads anything fails here and not in silence.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  ambientAtLoad,
  brokenExports,
  circles,
  code,
  deadExports,
  falseHeaders,
  type House,
  imports,
  impureConstants,
  longFunctions,
  type Manifest,
  platformNames,
  sleepingTests,
  tooLong,
  trespassers,
  twins,
  undocumented,
  unfinished,
  untested,
  wallClock,
  wideClosures,
} from './tidy/rules';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const LEFT_OUT = new Set(['node_modules', 'build', 'dist', 'coverage', '.git', 'results']);

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (/\.(ts|md|yml|json)$/.test(entry.name)) yield relative(root, path).split(sep).join('/');
  }
}

const house: House = new Map([...walk(root)].map((path) => [path, readFileSync(join(root, path), 'utf8')]));
const manifest = JSON.parse(house.get('package.json')!) as Manifest;

/** A rule must find what an offender does wrong, nothing in `sound`, and nothing in the house. */
function holds(
  rule: (house: House) => string[],
  offenders: Record<string, string>,
  sound: Record<string, string> = {},
): void {
  finds(rule, offenders, sound);
  expect(rule(house)).toEqual([]);
}

function finds(
  rule: (house: House) => string[],
  offenders: Record<string, string>,
  sound: Record<string, string> = {},
): void {
  for (const [path, text] of Object.entries(offenders)) {
    const others = Object.entries(sound).filter(([other]) => other !== path);
    const offences = rule(new Map([[path, text], ...others]));
    expect([...new Set(offences.map((offence) => offence.split(':')[0]))], `${path}: ${text}`).toEqual([path]);
  }
  expect(rule(new Map(Object.entries(sound)))).toEqual([]);
}

/** The rule, for a package whose one entrance is `entrance`. */
const at =
  (rule: (house: House, manifest: Manifest) => string[], ...entrances: string[]) =>
  (some: House): string[] =>
    rule(some, some === house ? manifest : { exports: Object.fromEntries(entrances.map((e) => [e, e])), imports: {} });

describe('the house is tidy', () => {
  it('is read at all', () => {
    for (const path of ['assembly/abi.ts', 'src/types/index.ts', 'test/tidy.test.ts', 'package.json']) {
      expect(house.has(path), path).toBe(true);
    }
  });

  it('every import points where its room may look', () => {
    const sound = {
      'assembly/abi.ts': '',
      'assembly/slab.ts': "import { A } from './abi';",
      'src/errors.ts': '',
      'src/types/ports.ts': "import type { E } from '../errors';",
      'src/types/index.ts': "export type * from './ports';",
      'src/validate/kind.ts': '',
      'src/formats/bytes.ts': "import { kindOf } from '../validate/kind';",
      'src/time/deadline.ts': '',
      'src/engine/index.ts': "import { A } from '../../assembly/abi';\nimport { l } from './link';",
      'src/engine/link.ts': "import { toHex } from '../formats/bytes';",
      'src/verify/index.ts': "import { a } from '../formats/bytes';",
      'src/signers/index.ts': "import { k } from '../validate/kind';",
      'src/log/keeper.ts': "import type { Engine } from '../engine/index';",
      'src/log/open.ts': "import { verify } from '../verify/index';\nimport { k } from './keeper';",
      'src/http/guard.ts': "import { within } from '../time/deadline';",
      'src/http/hearing.ts': '',
      'src/instance/scent.ts': "import { a } from '../formats/bytes';\nimport type { T } from '../types/index';",
      'src/instance/agent.ts': "import { Engine } from '../engine/index';\nimport type { K } from '../log/keeper';",
      'src/stores/keys.ts': '',
      'src/stores/memory.ts': "import type { Store } from '../types/ports';\nimport { k } from './keys';",
      'src/sinks/console.ts': '',
      'src/signals/hop.ts': "import { h } from '../http/hearing';",
      'src/signals/fastly.ts': "import { Hop } from './hop';",
      'src/adapters/hono.ts': "import type { Context } from 'hono';\nimport { g } from '../http/guard';",
      'src/cli/index.ts': "import { verify } from '../verify/index';",
      'src/tracehound.ts': "import { e } from './engine/index';\nimport { s } from './instance/scent';",
      'src/index.ts': "export { TracehoundError } from './errors';",
      'runtimes/node/index.ts':
        "import { instantiate } from '#core';\nimport { hash } from 'node:crypto';\nexport * from '../../src/index';",
      'runtimes/fastly/index.ts': "import { env } from 'fastly:env';",
    };
    holds(
      trespassers,
      {
        'assembly/abi.ts': "import { p } from './slab';",
        'assembly/slab.ts': "import { T } from '../src/types/index';",
        'src/errors.ts': "import type { T } from './types/index';",
        'src/types/ports.ts': "import type { T } from '../formats/bytes';",
        'src/validate/kind.ts': "import { b } from '../formats/bytes';",
        'src/formats/bytes.ts': "import { createHash } from 'node:crypto';",
        'src/formats/sha256.ts': "import { v } from '../validate/index';",
        'src/time/deadline.ts': "import type { E } from '../engine/index';",
        'src/engine/index.ts': "import { s } from '../instance/scent';",
        'src/verify/index.ts': "import type { T } from '../engine/index';",
        'src/signers/index.ts': "import { l } from '../log/keeper';",
        'src/log/keeper.ts': "import { verify } from '../verify/index';",
        'src/log/open.ts': "const { Engine } = await import('../engine/index');",
        'src/http/guard.ts': "import type { A } from '../instance/agent';",
        'src/instance/scent.ts': "import { m } from '../stores/memory';",
        'src/instance/agent.ts': "import { o } from '../log/open';",
        'src/stores/memory.ts': "import { c } from '../sinks/console';",
        'src/stores/r2.ts': "import { m } from './memory';",
        'src/sinks/console.ts': "import pino from 'pino';",
        'src/signals/fastly.ts': "import type { C } from './crowdsec';",
        'src/cli/index.ts': "export * from '../log/open';",
        'src/adapters/hono.ts': "import { HTTPException } from 'hono/http-exception';",
        'src/adapters/express.ts': "export { e } from '../engine/index';",
        'src/tracehound.ts': "const late = await import('../runtimes/node/index');",
        'src/lean.ts': "import { m } from './stores/memory';",
        'src/index.ts': "import '#core';",
        'src/watcher.ts': '',
        'src/nowhere/watcher.ts': "import type { T } from '../types/index';",
        'runtimes/node/index.ts': "import { f } from '../fastly/index';",
        'runtimes/fastly/index.ts': "import { readFileSync } from 'node:fs';",
        'runtimes/elsewhere/index.ts': '',
        'src/instance/watcher.ts': "import { gone } from './missing';",
        'test/conformance/index.ts': "import { expect } from 'vitest';",
      },
      sound,
    );
  });

  it('the boundary is named numbers and nothing else', () => {
    for (const text of [
      "export const A = '1';",
      'export let A = 1;',
      'const A = 1;',
      'export const A = B + 1;',
      'export type A = 1;',
    ]) {
      holds(impureConstants, { 'assembly/abi.ts': text }, { 'assembly/slab.ts': text });
    }
    expect(
      impureConstants(
        new Map([['assembly/abi.ts', '/** x */\nexport const A_1 = 0x1f; // y\n\nexport const B = 1_024;\n']]),
      ),
    ).toEqual([]);
  });

  it('nothing in src names a platform', () => {
    holds(
      platformNames,
      {
        'src/a.ts': 'const a = process.env;',
        'src/b.ts': 'Buffer.from(x)',
        'src/c.ts': "require('x')",
        'test/conformance/a.ts': 'process.exit()',
        'src/d.ts': 'x(`$' + '{Deno.build}`)',
      },
      { 'src/e.ts': "// process.env\nconst a = 'Buffer.from'; const b = work.process(x); let process: () => void;" },
    );
  });

  it('no module reads a clock, rolls a die or starts a timer while it loads', () => {
    holds(
      ambientAtLoad,
      {
        'src/a.ts': 'const began = Date.now();',
        'src/b.ts': 'export const state = { seed: Math.random() };',
        'runtimes/node/c.ts': 'if (on) { setInterval(tick, 1); }',
        'runtimes/node/d.ts': 'class A { static at = performance.now(); }',
        'test/conformance/a.ts': 'const at = Date.now();',
        'runtimes/node/e.ts': 'const f = () => 1;\ncrypto.getRandomValues(x);',
      },
      {
        'runtimes/node/f.ts': 'export const now = (): number => Date.now();',
        'runtimes/node/g.ts':
          'function id(bytes: Uint8Array): void {\n  if (x) {\n    crypto.getRandomValues(bytes);\n  }\n}',
        'runtimes/node/h.ts': 'export const r = { now() { return Date.now(); }, later: (f) => { setTimeout(f, 1); } };',
        'runtimes/node/i.ts': 'class A { constructor(x: number) { this.at = new Date(x); } }',
      },
    );
  });

  it('nothing in src asks the wall clock or chance: the runtime does', () => {
    holds(
      wallClock,
      {
        'src/a.ts': 'const f = () => Date.now();',
        'src/b.ts': 'function g() { return Math.random(); }',
        'src/c.ts': 'new Date();',
      },
      { 'runtimes/node/a.ts': 'const f = () => Date.now();', 'src/d.ts': '/** Date.now() */ runtime.now()' },
    );
  });

  it('every file opens by saying what it is', () => {
    holds(
      undocumented,
      { 'src/a.ts': "import x from './y';", 'test/b.test.ts': '// x' },
      { 'tools/c.ts': '#!/usr/bin/env node\n/** x */' },
    );
  });

  it('no file is longer than 400 lines', () => {
    holds(
      tooLong,
      { 'src/a.ts': 'x\n'.repeat(401) },
      { 'src/b.ts': 'x\n'.repeat(400), 'test/c.ts': 'x\n'.repeat(500) },
    );
  });

  it('no two files import each other, not even types, not even through an index or late', () => {
    const twin = {
      'src/formats/a.ts': "import type { B } from './b';",
      'src/formats/b.ts': "import { c } from './c';\nconst d = () => import('./c');",
      'src/formats/c.ts': '',
      'src/formats/index.ts': "export * from './a';",
    };
    finds(circles, {}, twin);
    for (const text of [
      "import type { A } from './a';",
      "export { a } from './index';",
      "const late = () => import('./a');",
      "export type B = import('./a').A;",
    ]) {
      const offences = circles(new Map(Object.entries({ ...twin, 'src/formats/b.ts': text })));
      expect(offences, text).toHaveLength(1);
    }
  });

  it('no function is longer than 80 lines, whatever kind of function it is', () => {
    const body = (lines: number): string => '{\n' + 'x();\n'.repeat(lines - 2) + '}';
    const kinds: ((body: string) => string)[] = [
      (text) => `function f() ${text}`,
      (text) => `export default async function () ${text}`,
      (text) => `const f = () => ${text};`,
      (text) => `class A { m() ${text} }`,
      (text) => `class A { #m = async () => ${text}; }`,
      (text) => `class A { get m() ${text} }`,
      (text) => `export const o = { *m() ${text} };`,
    ];
    for (const kind of kinds) finds(longFunctions, { 'src/a.ts': kind(body(81)) }, { 'src/b.ts': kind(body(80)) });
  });

  it('no function closes over more than 8 names of those around it', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const around = (count: number, use: (names: string) => string): string =>
      `const i0 = 0;\nfunction outer(a, { b, c: [d] }, ...e) { let f, g; const c = 1; class h {} function i() {} ${use(names.slice(0, count).join(', '))} }`;
    const uses: ((names: string) => string)[] = [
      (all) => `return () => [${all}];`,
      (all) => `function inner() { return () => { if (i0) return [${all}]; }; }`,
      (all) => `return { m() { return f(${all}); } };`,
      (all) => `return class { m = () => ({ ${all} }); };`,
      (all) => `return () => \`$\{[${all}]}\`;`,
    ];
    for (const use of uses) {
      finds(wideClosures, { 'src/a.ts': around(9, use) }, { 'src/b.ts': around(8, use) });
    }
    // Its own names, properties, types and what the file declares are not of the function around it.
    expect(
      wideClosures(
        new Map([
          [
            'src/c.ts',
            'const m = 1; function outer(a, b, c, d, e, f, g, h, i) { return (a, b) => { const c = x.d; return { e: m, f: a.g as h, i }; }; }',
          ],
        ]),
      ),
    ).toEqual([]);
  });

  it('no exported name and no helper stands twice, but for the words that alternatives share', () => {
    const sound = {
      'src/b.ts': 'export const same = 1; const local = 1;',
      'src/e.ts': 'const local = 2; let same = 3;',
      'src/adapters/hono.ts': 'export function tracehound() {}',
      'src/adapters/fetch.ts': 'export const tracehound = () => {};',
      'runtimes/node/index.ts': "export const createTracehound = () => {}; export { same } from '../../src/b';",
      'runtimes/deno/index.ts': 'export function createTracehound() {}',
    };
    const rule = at(
      twins,
      './dist/src/adapters/hono.js',
      './dist/src/adapters/fetch.js',
      './dist/runtimes/node/index.js',
      './dist/runtimes/deno/index.js',
    );
    expect(rule(new Map(Object.entries(sound)))).toEqual([]);
    for (const [path, text] of Object.entries({
      'src/z.ts': 'export function same() {}',
      'src/y.ts': 'const same = () => {};',
      'src/x.ts': 'export type same = 1;',
      'runtimes/bun/w.ts': 'function same() {}',
      'src/v.ts': 'export interface tracehound {}',
    })) {
      const offences = rule(new Map([...Object.entries(sound), [path, text]]));
      expect(offences.map((offence) => offence.split(':')[0])).toEqual([path]);
    }
  });

  it('nothing is exported that nobody imports', () => {
    const sound = {
      'src/index.ts': "export * from './public'; export { named as other } from './named';",
      'src/public.ts': 'export const a = 1; export type T = 1;',
      'src/named.ts': 'export const named = 1;',
      'src/used.ts': 'export const by = 1; export type Option = 1; export const late = 1;',
      'src/user.ts': "import { by } from './used'; import type { Option } from './used';",
      'src/later.ts': "const f = () => import('./late');",
      'src/late.ts': 'export const late = 1;',
      'src/own.ts': 'export const inner = 1; const outer = () => inner;',
      'test/own.test.ts': "import { inner } from '../src/own';",
    };
    const user = "import { by } from './used'; import type { Option } from './used'; import { late } from './used';";
    finds(
      at(deadExports, './dist/src/index.js'),
      {
        'src/dead.ts': 'export const dead = 1;',
        'src/shape.ts': 'export type Shape = 1;',
        'src/room/index.ts': "export const unused = 1; export * from '../public';",
        'src/tests.ts': 'export const tested = 1;',
      },
      { ...sound, 'src/user.ts': user, 'test/t.test.ts': "import { tested } from '../src/tests';" },
    );
  });

  it('each file of src has a test where one looks for it, which imports it, and a test that says so', () => {
    const sound = {
      'src/room/a.ts': '',
      'test/src/room/a.test.ts': "/** Guards `src/room/a.ts`: x. */\nimport { a } from '../../../src/room/a';",
      'src/room/types.ts': '',
      'test/src/room/types.test.ts':
        "/** Guards src/room/types.ts. */\nimport type { T } from '../../../src/room/types';",
      'src/room/late.ts': '',
      'test/src/room/late.test.ts':
        "/** Guards src/room/late.ts. */\nconst a = await import('../../../src/room/late');",
    };
    finds(untested, { 'src/room/b.ts': '', 'assembly/c.ts': '', 'runtimes/node/d.ts': '' }, sound);
    for (const text of [
      "/** Guards src/room/a.ts */\nimport { b } from '../../../src/room/b';",
      "/** Guards a.ts */\nimport { a } from '../../../src/room/a';",
    ])
      expect(untested(new Map(Object.entries({ ...sound, 'test/src/room/a.test.ts': text })))).toHaveLength(1);
  });

  it('what a file says that it relies on, it imports', () => {
    const sound = {
      'src/room/a.ts': "/** x. Relies on: `b`, and on a `clock`. Refuses: x. */\nimport { b } from './b';",
      'src/room/b.ts': "/** x. Relies on: nothing. Refuses: x. */\nimport type { A } from './c';",
      'src/room/c.ts': '/** x.\n *\n * Relies on: the\n * language.\n */',
    };
    for (const text of [
      "/** x. Relies on: nothing. Refuses: x. */\nimport { b } from './b';",
      '/** x. Relies on: nothing. */\nexport { b } from "./b";',
      '/** x. Relies on: nothing. */\nconst late = () => import("./b");',
      '/** x. Relies on: `b`. Refuses: x. */',
      "/** x.\n *\n * Relies on: `c`,\n * `b`.\n */\nimport type { c } from './c';",
    ])
      finds(falseHeaders, { 'src/room/d.ts': text }, sound);
  });

  it('every test runs', () => {
    const names = ['only', 'skip', 'todo'];
    for (const name of names)
      holds(sleepingTests, { 'test/a.test.ts': `it.${name}('x')`, 'test/b.test.ts': `describe.each.${name}(` });
    expect(sleepingTests(new Map([['test/c.test.ts', "guard.skip(x); describe.runIf(y)('z'); '.only'"]]))).toEqual([]);
  });

  it('nothing is left unfinished', () => {
    for (const mark of ['TO' + 'DO', 'FIX' + 'ME'])
      holds(unfinished, { 'src/a.ts': `// ${mark} later`, 'docs/b.md': mark });
  });

  it('the package installs nothing else', () => {
    expect(Object.keys(manifest.dependencies ?? {})).toEqual([]);
  });

  it('every export and every import of the package points to a file that the build makes, with its own types', () => {
    const target = (types: string, code: string): Manifest => ({
      exports: { './x': { types, default: code } },
      imports: {},
    });
    const some: House = new Map([['src/x.ts', '']]);
    expect(brokenExports(some, target('./dist/src/x.d.ts', './dist/src/x.js'))).toEqual([]);
    expect(brokenExports(some, target('./dist/src/y.d.ts', './dist/src/y.js'))).toHaveLength(2);
    expect(brokenExports(some, target('./build/core.d.ts', './build/testing.js'))).toHaveLength(1);
    expect(brokenExports(some, { exports: { '.': { default: './dist/src/x.js' } }, imports: {} })).toHaveLength(1);
    expect(
      brokenExports(new Map([...some, ['src/z.ts', '']]), target('./dist/src/z.d.ts', './dist/src/x.js')),
    ).toHaveLength(1);
    const branches = (types: string): Manifest => ({
      exports: { './x': { workerd: { types, default: './dist/src/x.js' }, default: './dist/src/x.js' } },
      imports: {},
    });
    expect(brokenExports(some, branches('./dist/src/x.d.ts'))).toHaveLength(1);
    expect(
      brokenExports(some, { exports: { './x': { node: { default: './dist/src/x.js' } } }, imports: {} }),
    ).toHaveLength(1);
    expect(brokenExports(house, manifest)).toEqual([]);
  });
});

describe('the whole house', () => {
  it.each<[string, (house: House, manifest: Manifest) => string[]]>([
    ['has no two files that import each other', circles],
    ['has no function of more than 80 lines', longFunctions],
    ['has no function that closes over more than 8 names', wideClosures],
    ['has one thing for each exported name and each helper', twins],
    ['exports nothing that nobody imports', deadExports],
    ['has a test for each file of src where one looks for it', untested],
    ['relies on what its files say', falseHeaders],
  ])('%s', (_, rule) => expect(rule(house, manifest)).toEqual([]));
});

describe('the reader of the rules', () => {
  it('sees every way to import', () => {
    const text = `import a, { type B,
  c } from './one';
import type { D } from "./two";
export * from './three';
export type { E } from './four';
import './five';
const f = await import('./six'); type G = import('./seven').H; require('./eight');
// import x from './not'
const text = "import y from 'neither'";
const from = 'nor'; export const g = [1]; const h = 'x'`;
    expect(imports(text).map(({ specifier, typeOnly }) => (typeOnly ? `type ${specifier}` : specifier))).toEqual([
      ...['./one', 'type ./two', './three', 'type ./four', './five', './six', './seven', './eight'],
    ]);
  });

  it('blanks comments and strings and moves nothing', () => {
    const hole = '$' + '{f(1)}';
    const text = `a /* ' */ 'b // c' // d\n\`e ${hole} g\` /* h\n */ i`;
    const blanked = code(text);
    expect(blanked).toHaveLength(text.length);
    expect(blanked.replace(/ +/g, ' ')).toBe(`a ' ' \n ${hole} \n i`);
  });
});
