/**
 * Guards the form of every error that `src/` and `runtimes/` throw: *part: problem, expected X, got Y*. Whoever reads one at
 * night learns what to change without opening the source.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { halfSentences, sentencesOf } from './sentences';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const house = new Map<string, string>();
for (const room of ['src', 'runtimes']) {
  for (const entry of readdirSync(join(root, room), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path.endsWith('.ts'))
      house.set(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8'));
  }
}
const hole = (name: string): string => `$${`{${name}}`}`;

describe('every error says part, problem, expectation and what came', () => {
  it('in all of the house', () => {
    expect(halfSentences(house)).toEqual([]);
    const all = [...house].flatMap(([path, text]) => sentencesOf(path, text));
    expect(all.length).toBeGreaterThan(150);
  });

  it.each([
    "throw new TypeError('key: wrong kind');",
    "throw new TypeError('key: wrong kind, expected a string');",
    "throw new RangeError('wrong kind, expected a string, got a number');",
    `throw new Error(\`${hole('path')}: too long\`);`,
    'throw new Error();',
    'function fail(message) { throw new TypeError(message); }',
    `const say = (x) => new TracehoundError('LOG_FULL', \`log: ${hole('x')}\`);`,
    "throw new TracehoundError('LOG_FULL', 'log: full, expected room');",
    `const got = y; throw new TypeError(x ? \`a: b, expected c, got ${hole('got')}\` : \`a: b, got ${hole('got')}\`);`,
    "const message = 'a: b'; throw new TypeError(message);",
    "throw new TypeError(x ?? 'a: b');",
    "throw new TypeError('a: b' + ', expected c');",
  ])('%s is seen', (text) => {
    expect(halfSentences(new Map([['src/a.ts', text]]))).toHaveLength(1);
    expect(halfSentences(new Map([['test/a.ts', text]]))).toEqual([]);
  });

  it.each([
    "throw new TypeError('key: wrong kind, expected a string, got a number');",
    `const expected = 'a: b, expected c'; throw new TypeError(\`${hole('expected')}, got ${hole('kindOf(x)')}\`);`,
    `const tail = x ? ', expected a, got b' : ', expected c, got d'; throw new RangeError(\`${hole('part')}: odd${hole('tail')}\`);`,
    "throw new TracehoundError('LOG_FULL', 'log: full, expected room, ' + 'got none', { cause });",
    "throw error; throw asked(new Map()); const TypeErrors = 'new TypeError(1)';",
  ])('%s is right', (text) => {
    expect(halfSentences(new Map([['src/a.ts', text]]))).toEqual([]);
  });
});
