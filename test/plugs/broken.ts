/**
 * Shows that a suite can fail: for every sentence that an assertion of the suite can say there is a plug with one fault, of
 * which the suite says it.
 *
 * Relies on: how the suites are written; a sentence is the last argument of an assertion and has a space in it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Held, hold } from '../conformance/hold';

/** The sentences of a suite's assertions. */
function sentences(file: string): string[] {
  const text = readFileSync(join(import.meta.dirname, '..', 'conformance', file), 'utf8').replaceAll(
    /^ *\/\/.*$/gm,
    '',
  );
  const ends = text.matchAll(/(['`])((?:(?!\1)[^\\\n]|\\.)*? (?:(?!\1)[^\\\n]|\\.)*)\1,?\s*\)/g);
  // A path and a message to be signed are arguments, too.
  return [...ends].map(([, , sentence]) => sentence!).filter((sentence) => !/\/|\\n/.test(sentence));
}

/** As a pattern: what is put into a sentence is anything. */
function pattern(sentence: string): RegExp {
  const literally = (part: string): string => part.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(
    `^${sentence
      .split(/\$\{[^}]*\}/)
      .map(literally)
      .join('.*')}(:|$)`,
    's',
  );
}

/** For each sentence of these files a plug of which the suite says it. */
export function eachFails<Stage>(
  files: readonly string[],
  cases: readonly Held<Stage>[],
  broken: Readonly<Record<string, () => Stage | Promise<Stage>>>,
): void {
  it('has a fault for every assertion', () => {
    expect(Object.keys(broken).sort()).toEqual([...new Set(files.flatMap(sentences))].sort());
  });

  it.each(Object.entries(broken))('says “%s” where it is not so', async (sentence, make) => {
    const said = (await hold(make, cases)).flatMap(({ error }) => error ?? []);
    expect(
      said.some((each) => pattern(sentence).test(each)),
      said.join('\n'),
    ).toBe(true);
  });
}
