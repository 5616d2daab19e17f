/**
 * The rules of the house as functions: a file in, offences out, each in a sentence that names the file and the line.
 *
 * Relies on: regular expressions. They read the code that we write, not all of TypeScript; `tidy.test.ts` shows each rule
 * an offender, so a rule that stopped reading would be seen. Refuses: to know what exists — the test brings the files.
 */
import { dirname, join } from 'node:path/posix';
import { treeOf } from './tree';

/** Text of a file by its path from the root. */
export type House = ReadonlyMap<string, string>;

// ── reading ─────────────────────────────────────────────────────────────────────────────────────

const TOKENS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

/** The text with comments, and on request the contents of strings, blanked; lines and columns stay where they were. */
export function code(text: string, blankStrings = true): string {
  return text.replace(TOKENS, (token) => {
    if (token.startsWith('/')) return token.replace(/[^\n]/g, ' ');
    if (!blankStrings) return token;
    // What a template computes is code; what it says is not.
    if (token.startsWith('`')) return token.replace(/\$\{[^}]*\}|[^\n]/g, (part) => (part.length > 1 ? part : ' '));
    return token[0] + ' '.repeat(token.length - 2) + token[0];
  });
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;
const at = (path: string, text: string, index: number): string => `${path}:${lineOf(text, index)}`;

export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly index: number;
}

// From the keyword to the specifier there are names, commas and braces; no semicolon, no quote, no bracket.
const IMPORTS = [
  /\b(?:import|export)\s(?<type>\s*type\b)?[^;'"()=]*?\bfrom\s*(['"])(?<specifier>[^'"]+)\2/g,
  /\bimport\s*(['"])(?<specifier>[^'"]+)\1/g,
  /\b(?:import|require)\s*\(\s*(['"`])(?<specifier>[^'"`]+)\1/g,
];

/** Static imports and re-exports, imports for effect, dynamic imports, `import('…')` types, require. */
export function imports(text: string): Import[] {
  const [readable, blanked] = [code(text, false), code(text)];
  return IMPORTS.flatMap((pattern) => [...readable.matchAll(pattern)])
    .filter(({ index }) => blanked[index] !== ' ') // not the text of a string
    .map(({ groups, index }) => ({ specifier: groups!.specifier!, typeOnly: groups!.type !== undefined, index }));
}

// ── who may know whom ───────────────────────────────────────────────────────────────────────────

interface Room {
  readonly name: string;
  /** Files of the room. The first room that matches a file is its room. */
  readonly files: RegExp;
  /** Files it may import. */
  readonly may: RegExp;
  /** Everything else it may import. */
  readonly packages?: (specifier: string, typeOnly: boolean) => boolean;
}

const own = (room: string): string => `${room}/.+`;
const files = (...patterns: string[]): RegExp => new RegExp(`^(?:${patterns.join('|')})\\.ts$`);
const src = (...rooms: string[]): string[] => rooms.map((room) => `src/${room}`);
/** What everybody in `src` may know: the words, and the one class of errors. */
const WORDS = [...src('types/.+', 'errors')];
/** A plug on the way in knows its framework by type only: it must load where no framework is installed. */
const framework = (specifier: string, typeOnly: boolean): boolean => typeOnly && /^@?[a-z]/.test(specifier);

/** A room of `src`: its own files, the words, and what else it may look into. */
const room = (name: string, home: string, ...may: string[]): Room => ({
  name: `src/${name}`,
  files: files(`src/${home}`),
  may: files(`src/${home}`, ...WORDS, ...src(...may)),
});

/** A plug knows the words, how options are read, and helpers of its kind; never another plug. */
const plug = (kind: string, ...helpers: string[]): Room => ({
  name: `src/${kind}`,
  files: files(own(`src/${kind}`)),
  may: files(...WORDS, ...src('validate/.+', ...helpers)),
});

/** The table of DESIGN §3. */
export const ROOMS: readonly Room[] = [
  { name: 'the boundary', files: files('assembly/abi'), may: files('-') },
  { name: 'the core', files: files(own('assembly')), may: files(own('assembly')) },
  { name: 'src/errors', files: files('src/errors', 'src/version'), may: files('-') },
  { name: 'src/types', files: files(own('src/types')), may: files(...WORDS) },
  { name: 'src/validate', files: files(own('src/validate')), may: files(own('src/validate'), 'src/errors') },
  room('formats', 'formats/.+', 'validate/kind'),
  room('time', 'time/.+'),
  {
    name: 'src/engine',
    files: files(own('src/engine')),
    may: files(own('src/engine'), ...WORDS, ...src('formats/.+'), 'assembly/abi'),
  },
  room('verify', 'verify/.+', 'formats/.+'),
  room('signers', 'signers/.+', 'formats/.+', 'validate/.+'),
  // Only the file that opens a stored log needs the second opinion.
  room('log', 'log/open', 'log/.+', 'formats/.+', 'verify/index', 'time/.+', 'validate/.+'),
  room('log', 'log/.+', 'engine/index', 'formats/.+', 'signers/index', 'time/.+', 'validate/.+'),
  room('http', 'http/.+', 'formats/.+', 'time/.+', 'validate/.+'),
  room('instance', 'instance/.+', 'engine/index', 'log/keeper', 'formats/.+', 'time/.+', 'validate/.+', 'version'),
  room('cold', 'cold/.+', 'formats/.+', 'hounds/pool', 'time/.+'),
  room('hounds', 'hounds/.+', 'formats/.+'),
  room('alerts', 'alerts/.+', 'time/.+'),
  room('coordination', 'coordination/.+', 'time/.+'),
  room('compliance', 'compliance/.+', 'verify/index'),
  room('admin', 'admin/.+', 'verify/index', 'validate/.+'),
  {
    name: 'src/cli',
    files: files(own('src/cli')),
    may: files(...src('cli/.+', 'verify/.+', 'formats/.+', 'compliance/.+', 'errors', 'version')),
  },
  {
    name: 'src/adapters',
    files: files(own('src/adapters')),
    may: files(...WORDS, ...src('adapters/node-http', 'http/(?:guard|request|capture|facts|message)')),
    packages: framework,
  },
  plug('drop-ins'),
  // The file store has rooms of its own: what a disk does, and how a version is chosen.
  { ...plug('stores', 'stores/keys', 'stores/fs-.+'), files: files('src/stores/fs', 'src/stores/fs-.+') },
  plug('stores', 'stores/keys'),
  plug('ledgers'),
  plug('sinks', 'alerts/alert'),
  plug('signals', 'signals/(?:hop|trust|verdict|decisions)', 'http/hearing', 'formats/address'),
  {
    name: 'the composition root',
    files: files('src/tracehound', 'src/lean', 'src/index'),
    may: files(
      ...src('(?:tracehound|lean|errors|version)'),
      ...src('(?:types|validate|formats|time|engine|instance|log|http|verify|signers)/.+'),
    ),
  },
  {
    name: 'the conformance suite',
    files: files(own('test/conformance')),
    may: files('src/.+', 'assembly/abi', own('test/conformance')),
  },
  ...['node', 'lambda-edge', 'deno', 'bun', 'cloudflare', 'vercel', 'fastly', 'standard'].map((runtime) => ({
    name: `the ${runtime} runtime`,
    files: files(own(`runtimes/${runtime}`)),
    may: files('src/.+', own(`runtimes/${runtime}`)),
    packages: (specifier: string, typeOnly: boolean) =>
      specifier === '#core' ||
      framework(specifier, typeOnly) ||
      (specifier.startsWith('node:')
        ? ['node', 'lambda-edge', 'deno', 'bun'].includes(runtime)
        : specifier.startsWith(`${runtime}:`)),
  })),
];

/** Imports that point to where their room may not look, or to nothing. */
export function trespassers(house: House): string[] {
  const offences: string[] = [];
  for (const [path, text] of house) {
    if (!/^(assembly|src|runtimes|test\/conformance)\/.*\.ts$/.test(path)) continue;
    const room = ROOMS.find((candidate) => candidate.files.test(path));
    if (room === undefined) {
      offences.push(`${path}: stands in no room of the import table`);
      continue;
    }
    for (const { specifier, typeOnly, index } of imports(text)) {
      const where = at(path, text, index);
      if (!specifier.startsWith('.')) {
        if (!room.packages?.(specifier, typeOnly)) offences.push(`${where}: ${room.name} may not import ${specifier}`);
        continue;
      }
      const target = resolve(house, path, specifier);
      if (target === undefined) offences.push(`${where}: imports ${specifier}, which does not exist`);
      else if (!room.may.test(target)) offences.push(`${where}: ${room.name} may not import ${target}`);
    }
  }
  return offences;
}

function resolve(house: House, from: string, specifier: string): string | undefined {
  const base = join(dirname(from), specifier).replace(/\.[jt]s$/, '');
  return [`${base}.ts`, `${base}/index.ts`].find((path) => house.has(path));
}

// ── what a file may say ─────────────────────────────────────────────────────────────────────────

function each(house: House, files: RegExp, rule: (path: string, text: string) => string[]): string[] {
  return [...house].flatMap(([path, text]) => (files.test(path) ? rule(path, text) : []));
}

/** `assembly/abi.ts` is read by two compilers: numbers with a name, nothing else. */
export function impureConstants(house: House): string[] {
  return each(house, /^assembly\/abi\.ts$/, (path, text) => {
    const plain = code(text);
    return [...plain.matchAll(/[^\n]+/g)]
      .filter(
        ([line]) => line.trim() !== '' && !/^export const [A-Z][A-Z0-9_]* = (0x[0-9a-f]+|[0-9_]+);\s*$/.test(line),
      )
      .map((match) => `${at(path, text, match.index)}: expected \`export const NAME = number;\``);
  });
}

/** Web standards only: what runs in `src/` runs everywhere. */
export function platformNames(house: House): string[] {
  return each(house, /^(src|test\/conformance)\//, (path, text) =>
    [...code(text).matchAll(/(?<![.\w$])(process|Buffer|Deno|Bun|require|__dirname|__filename)(?=\s*[.([])/g)].map(
      (match) => `${at(path, text, match.index)}: names ${match[1]}, which not every platform has`,
    ),
  );
}

const AMBIENT =
  /(?<![.\w$])(?:Math\.random|Date\.now|new Date|performance\.(?:now|timeOrigin)|setInterval|setTimeout|queueMicrotask|crypto\.\w+|fetch)\b/g;

/**
 * No clock, timer or randomness when a module loads: workerd throws, and Fastly freezes one value into every instance.
 * Inside a function it is the caller's moment; whether a brace opens a function is told by what stands before it.
 */
export function ambientAtLoad(house: House): string[] {
  return each(house, /^(src|runtimes|test\/conformance)\//, (path, text) => {
    const plain = code(text);
    return [...plain.matchAll(AMBIENT)]
      .filter((match) => !isInsideFunction(plain, match.index))
      .map((match) => `${at(path, text, match.index)}: ${match[0]} at module scope`);
  });
}

function isInsideFunction(plain: string, index: number): boolean {
  const open: boolean[] = []; // for each brace still open before index: does it begin a function?
  let statement = 0;
  for (let i = 0; i < index; i++) {
    const character = plain[i]!;
    if (character === '{') {
      open.push(opensFunction(plain.slice(statement, i)));
      statement = i + 1;
    } else if (character === '}') {
      open.pop();
      statement = i + 1;
    } else if (character === ';') {
      statement = i + 1;
    }
  }
  return open.includes(true) || /=>/.test(plain.slice(statement, index));
}

const opensFunction = (head: string): boolean =>
  /=>\s*$/.test(head) ||
  (/\)\s*(?::[^={}]*)?$/.test(head) && !/^\s*(?:else\s+)?(?:if|for|while|switch|catch|with)\b/.test(head));

/** Wall clock and chance reach the host through its runtime only, so that a seed can replace the world. */
export function wallClock(house: House): string[] {
  return each(house, /^src\//, (path, text) =>
    [...code(text).matchAll(/(?<![.\w$])(?:Math\.random|Date\.now|performance\.now|new Date)\b/g)].map(
      (match) => `${at(path, text, match.index)}: ${match[0]} beside the runtime, expected \`now()\` or \`random()\``,
    ),
  );
}

/** The first screen of a file says what it is. */
export function undocumented(house: House): string[] {
  return each(house, /^(assembly|src|runtimes|tools|test|bench|examples)\/.*\.ts$/, (path, text) =>
    /^(#![^\n]*\n)?\/\*\*/.test(text) ? [] : [`${path}:1: expected a doc block that says what this file is`],
  );
}

const LINES_MAX = 400;

/** A file that is longer has a seam somewhere. The boundary is one table and stays in one place. */
export function tooLong(house: House): string[] {
  return each(house, /^(assembly|src|runtimes)\/.*\.ts$/, (path, text) => {
    const lines = lineOf(text, text.length) - (text.endsWith('\n') ? 1 : 0);
    return lines > LINES_MAX && path !== 'assembly/abi.ts' ? [`${path}: ${lines} lines, expected ≤ ${LINES_MAX}`] : [];
  });
}

/** A test that does not run promises nothing. */
export function sleepingTests(house: House): string[] {
  return each(house, /^test\//, (path, text) =>
    [...code(text).matchAll(/\b(?:it|test|describe|suite)(?:\.\w+)*\.(only|skip|todo)\b/g)].map(
      (match) => `${at(path, text, match.index)}: .${match[1]}`,
    ),
  );
}

// Spelt in halves, because this file is read too.
const MARKS = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`, 'g');

/** What is unfinished is finished or left out, not marked. */
export function unfinished(house: House): string[] {
  return each(house, /\.(ts|md|yml|json)$/, (path, text) =>
    [...text.matchAll(MARKS)].map((match) => `${at(path, text, match.index)}: ${match[0]}`),
  );
}

// ── the shape of the house ──────────────────────────────────────────────────────────────────────

const PUBLISHED = /^(src|runtimes)\/.*(?<!\.d)\.ts$/;

/** Files that import each other, whatever for: then neither can be read, tested or moved alone. */
export function circles(house: House): string[] {
  const targets = new Map<string, string[]>();
  for (const [path, text] of house) {
    if (!/^(assembly|src|runtimes|test\/conformance)\/.*\.ts$/.test(path)) continue;
    const found = imports(text).flatMap(({ specifier }) =>
      specifier.startsWith('.') ? (resolve(house, path, specifier) ?? []) : [],
    );
    targets.set(path, found);
  }
  const offences: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const from = trail.indexOf(path);
    if (from >= 0) {
      const circle = [...trail.slice(from), path];
      offences.push(`${path}: stands in a circle, ${circle.join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return offences;
}

const FUNCTION_LINES_MAX = 80;

export function longFunctions(house: House): string[] {
  return each(house, PUBLISHED, (path, text) =>
    treeOf(path, text).functions.flatMap(({ name, start, end }) => {
      const lines = lineOf(text, end) - lineOf(text, start) + 1;
      return lines > FUNCTION_LINES_MAX
        ? [`${at(path, text, start)}: ${name || 'a function'} has ${lines} lines, expected ≤ ${FUNCTION_LINES_MAX}`]
        : [];
    }),
  );
}

const CLOSED_OVER_MAX = 8;

/** Halves of a long closure are one long closure: what they share would be the fields of a class. */
export function wideClosures(house: House): string[] {
  return each(house, PUBLISHED, (path, text) =>
    treeOf(path, text).functions.flatMap(({ name, start, closesOver }) =>
      closesOver.length > CLOSED_OVER_MAX
        ? [
            `${at(path, text, start)}: ${name || 'a function'} closes over ${closesOver.length} names, expected ≤ ${CLOSED_OVER_MAX}`,
          ]
        : [],
    ),
  );
}

/** Of these one is chosen: a bundle holds one runtime, one adapter, one drop-in. */
const ALTERNATIVES = /^(?:runtimes\/[^/]+|src\/(?:adapters|drop-ins)\/[^/]+)/;

/**
 * One word for one thing: a name that is exported, or a helper at the top of a file, stands once. What the entrances of
 * alternatives export may be equal: `tracehound` is the word in every adapter.
 */
export function twins(house: House, manifest: Manifest): string[] {
  const offences: string[] = [];
  const first = new Map<string, { path: string; home: string | undefined }[]>();
  const open = entrances(manifest);
  for (const [path, text] of house) {
    if (!PUBLISHED.test(path)) continue;
    const home = open.has(path) ? ALTERNATIVES.exec(path)?.[0] : undefined;
    for (const { name, start, exported, isFunction } of treeOf(path, text).declared) {
      if (!exported && !isFunction) continue;
      const own = exported ? home : undefined;
      const before = first.get(name) ?? [];
      const twin = before.find((other) => other.path !== path && (own === undefined || other.home === undefined));
      if (twin !== undefined) offences.push(`${at(path, text, start)}: ${name} stands in ${twin.path} too`);
      first.set(name, [...before, { path, home: own }]);
    }
  }
  return offences;
}

/** The files that a reader of package.json can import. */
function entrances({ exports, bin }: Manifest): Set<string> {
  const found = new Set<string>();
  const visit = (target: Target): void => {
    if (typeof target === 'string') found.add(target.replace(/^(\.\/)?dist\//, '').replace(/(\.d\.ts|\.js)$/, '.ts'));
    else if (target !== null) for (const inner of Object.values(target)) visit(inner);
  };
  visit({ ...exports, ...bin });
  return found;
}

/** Who imports what from where, over any number of indexes that hand it on. */
class Imported {
  readonly #names = new Map<string, Set<string>>();
  readonly #handedOn: { readonly from: string; readonly to: string; readonly name: string; readonly as: string }[] = [];
  readonly #open: ReadonlySet<string>;

  constructor(house: House, by: RegExp, open: ReadonlySet<string>) {
    this.#open = open;
    for (const [path, text] of house) if (by.test(path)) this.#read(house, path, text);
    while (this.#handOn());
  }

  has(path: string, name: string): boolean {
    const names = this.#names.get(path);
    return this.#open.has(path) || names?.has(name) === true || names?.has('*') === true;
  }

  #read(house: House, path: string, text: string): void {
    for (const { specifier, name, as } of treeOf(path, text).uses) {
      const to = specifier.startsWith('.') ? resolve(house, path, specifier) : undefined;
      if (to === undefined) continue;
      if (as === undefined) this.#add(to, name);
      else this.#handedOn.push({ from: path, to, name, as });
    }
  }

  #add(path: string, name: string): boolean {
    const names = this.#names.get(path) ?? new Set();
    this.#names.set(path, names);
    return names.size < names.add(name).size;
  }

  /** What is handed on is imported where that is. */
  #handOn(): boolean {
    let more = false;
    for (const { from, to, name, as } of this.#handedOn) {
      const all = this.#open.has(from) ? ['*'] : [...(this.#names.get(from) ?? [])];
      const names = as === '*' ? all : this.has(from, as) ? [name] : [];
      for (const one of names) more = this.#add(to, one) || more;
    }
    return more;
  }
}

/** Exports that nobody imports, and those that tests alone import although the file itself does not use them. */
export function deadExports(house: House, manifest: Manifest): string[] {
  const open = entrances(manifest);
  const alive = new Imported(house, /^(src|runtimes|test\/conformance|tools|bench|examples)\/.*\.ts$/, open);
  const tested = new Imported(house, /^test\/.*\.ts$/, new Set());
  return each(house, PUBLISHED, (path, text) => {
    const { declared, usedWithin } = treeOf(path, text);
    return declared.flatMap(({ name, start, exported, isType }) => {
      const within = usedWithin.has(name);
      if (!exported || alive.has(path, name) || (within && (isType || tested.has(path, name)))) return [];
      const why = tested.has(path, name) ? 'tests alone use it' : 'nobody imports it';
      return [`${at(path, text, start)}: ${name} is exported and ${why}`];
    });
  });
}

/** Where the test of a file stands. */
const mirrored = (path: string): string => `test/${path.replace(/\.ts$/, '.test.ts')}`;

/**
 * Each file of `src` has a test at the mirrored path that imports it; each source file, also of the core and the runtimes, is
 * named in the header of a test, so that its path finds the test.
 */
export function untested(house: House): string[] {
  const headers = [...house]
    .filter(([path]) => /^test\/.*\.test\.ts$/.test(path))
    .map(([, text]) => text.slice(0, 1_500));
  return each(house, /^(assembly|src|runtimes)\/.*(?<!\.d)\.ts$/, (path) => {
    const named = headers.some((header) => header.includes(path));
    const offences = named ? [] : [`${path}: no test names it in its header`];
    if (!path.startsWith('src/')) return offences;
    const test = mirrored(path);
    const text = house.get(test);
    if (text === undefined) return [`${path}: has no test, expected ${test}`];
    const targets = imports(text).map(({ specifier }) => resolve(house, test, specifier));
    return targets.includes(path) ? offences : [...offences, `${path}: is not imported by ${test}`];
  });
}

/** `Relies on: \`x\`` is a claim: x is imported. `Relies on: nothing` is one too. */
export function falseHeaders(house: House): string[] {
  return each(house, /^(assembly|src|runtimes)\/.*\.ts$/, (path, text) => {
    const header = /^(?:#![^\n]*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
    const claim = /Relies on:([\s\S]*?)(?:Refuses:|$)/.exec(header.replace(/\n \* ?/g, ' '))?.[1];
    if (claim === undefined) return [];
    const imported = imports(text);
    const names = new Set(imported.flatMap(({ specifier }) => specifier.replace(/^[./]+|\/index$/g, '').split('/')));
    if (/^\s*nothing\./.test(claim))
      return imported.some(({ typeOnly }) => !typeOnly) ? [`${path}: says that it relies on nothing, and imports`] : [];
    return [...claim.matchAll(/`([a-z][a-z-]*(?:\/[a-z-]+)*)`/g)]
      .map((match) => match[1] as string)
      .filter(
        (name) =>
          house.has(`${dirname(path)}/${name}.ts`) || house.has(`src/${name}.ts`) || house.has(`src/${name}/index.ts`),
      )
      .filter((name) => !names.has(name.split('/').at(-1) as string))
      .map((name) => `${path}: says that it relies on ${name}, and does not import it`);
  });
}

// ── what is published ───────────────────────────────────────────────────────────────────────────

type Target = string | null | { readonly [condition: string]: Target };

export interface Manifest {
  readonly dependencies?: object;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Target>>;
  readonly imports: Readonly<Record<string, Target>>;
}

const BUILT_CORE = /^\.\/build\/core\.(wasm|d\.ts|(inline|workerd|edge-light|js)\.js)$/;

/** Subpaths that point to what the build does not make, or to code without its types. */
export function brokenExports(house: House, manifest: Manifest): string[] {
  const offences: string[] = [];
  /** What a platform sees, whatever its conditions: either branches all the way, or one file and its types. */
  const visit = (subpath: string, target: Target): void => {
    if (typeof target === 'string') {
      const source = /^\.\/dist\/(.+?)(?:\.d\.ts|\.js)$/.exec(target)?.[1];
      const made =
        source === undefined ? BUILT_CORE.test(target) || target === './package.json' : house.has(`${source}.ts`);
      if (!made) offences.push(`package.json: ${subpath} points to ${target}, which the build does not make`);
    } else if (target !== null) {
      const { types, default: code } = target;
      const leads = Object.entries(target).some(
        ([condition, inner]) => condition !== 'types' && typeof inner === 'string',
      );
      if (subpath.startsWith('.') && leads && types === undefined)
        offences.push(`package.json: ${subpath} has no types`);
      if (typeof types === 'string' && typeof code === 'string' && types.startsWith('./dist/')) {
        if (types !== code.replace(/\.js$/, '.d.ts'))
          offences.push(`package.json: ${subpath} has the types of another file`);
      }
      for (const inner of Object.values(target)) visit(subpath, inner);
    }
  };
  for (const [subpath, target] of [...Object.entries(manifest.exports), ...Object.entries(manifest.imports)]) {
    visit(subpath, target);
  }
  return offences;
}
