/**
 * Counts what tests did: a reporter that writes one line a test while they run, and the count of such lines afterwards.
 *
 *   TRACEHOUND_TALLY=FILE vitest run …     appends { file, name, state } for each test to FILE
 *   node tools/tally.ts FILE CODE          prints `passed failed skipped` of a step that ended with CODE
 *
 * A skipped test counts as failed, unless `test/skips.json` names it with a reason: what nobody looked at is not known to be
 * right. An entry whose file is gone counts as failed, too. A step without tests counts as one.
 *
 * Relies on: vitest's reporters. Refuses: to count a step that ended badly as passed, whatever its tests say.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

const root = join(fileURLToPath(new URL('.', import.meta.url)), '..');

/** One test, or a file that failed apart from its tests. */
export interface Line {
  readonly file: string;
  readonly name: string;
  readonly state: string;
}

/** Tests that may be skipped: all of a file, or those whose name begins so. */
export interface Skip {
  readonly file: string;
  readonly name?: string;
  readonly reason: string;
}

export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why something counts as failed that did not fail by itself. */
  readonly complaints: readonly string[];
}

/** Writes the lines; does nothing when nobody asked for them. */
export class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const path = process.env.TRACEHOUND_TALLY;
    if (path === undefined) return;
    const lines: Line[] = errors.map(({ message }) => ({ file: '', name: message, state: 'failed' }));
    for (const module of modules) {
      const file = relative(root, module.moduleId).split(sep).join('/');
      const tests = [...module.children.allTests()];
      lines.push(...tests.map((test) => ({ file, name: test.fullName, state: test.result().state })));
      // A file that cannot be loaded, or a hook around its tests.
      const failed = tests.some((test) => test.result().state === 'failed');
      if (!failed && !module.ok()) lines.push({ file, name: 'the file itself', state: 'failed' });
    }
    appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}

/** What became of a step that ended with `code`. */
export function count(lines: readonly Line[], code: number, skips: readonly Skip[]): Count {
  const complaints: string[] = [];
  let [passed, failed, skipped] = [0, 0, 0];
  for (const { file, name, state } of lines) {
    if (state === 'passed') passed++;
    else if (state === 'failed') failed++;
    else if (skips.some((skip) => skip.file === file && name.startsWith(skip.name ?? ''))) skipped++;
    else {
      failed++;
      complaints.push(`skipped without a reason in test/skips.json: ${file} > ${name}`);
    }
  }
  if (code !== 0 && failed === 0) {
    failed = 1;
    complaints.push(`the step ended with ${code}, expected 0 or a failed test`);
  }
  if (lines.length === 0 && code === 0) passed = 1;
  return { passed, failed, skipped, complaints };
}

/** What is wrong with the list of skips: a reason that is none, a file that is gone. */
export function wrongSkips(skips: readonly Skip[], isThere: (file: string) => boolean): string[] {
  return skips.flatMap(({ file, reason }) => [
    ...(typeof reason === 'string' && reason.trim().includes(' ') ? [] : [`test/skips.json: ${file} has no reason`]),
    ...(isThere(file) ? [] : [`test/skips.json: ${file} is gone`]),
  ]);
}

if (import.meta.main) {
  const [path = '', code = ''] = process.argv.slice(2);
  const skips = JSON.parse(readFileSync(join(root, 'test', 'skips.json'), 'utf8')) as Skip[];
  const wrong = wrongSkips(skips, (file) => existsSync(join(root, file)));
  const written = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  const { passed, failed, skipped, complaints } = count(
    written.map((line) => JSON.parse(line) as Line),
    Number(code),
    skips,
  );
  for (const complaint of [...wrong, ...complaints]) console.error(complaint);
  console.log(`${passed} ${failed + wrong.length} ${skipped}`);
}
