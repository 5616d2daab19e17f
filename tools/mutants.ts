/**
 * Shows that the tests can fail: applies each patch of `test/mutants/` alone to a copy of the sources and runs the tests that
 * its first line names. `npm run mutants`, or `npm run mutants -- 07 12` for some of them.
 *
 *   # tests: test/src/http/guard.test.ts …       the first line of a patch; below it a unified diff
 *
 * The copy is made once. A fault in `assembly/` is compiled there; one in `src/` needs nothing built, because tests read the
 * sources. First the named tests run without any fault: a test that is red already shows nothing.
 *
 * Ends with 1 when more than `--survivors` (default 2) are not noticed, when a patch does not apply, when a fault does not
 * compile, and when a test that is named is not there.
 *
 * Relies on: git, vitest, `tools/tally.ts`. Refuses: to touch the working tree.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Line } from './tally.ts';

const root = join(import.meta.dirname, '..');
const MUTANTS = join('test', 'mutants');
/** A fault can make a loop that never ends: then the run is ended, and the fault was noticed. */
const RUN_MS_MAX = 180_000;

export interface Mutant {
  readonly name: string;
  readonly tests: readonly string[];
  /** Files that it changes. */
  readonly files: readonly string[];
}

/** What a patch says about itself. Throws for one without tests, or without a change. */
export function readMutant(name: string, text: string): Mutant {
  const tests =
    /^# tests: (.+)$/m
      .exec(text.split('\n')[0] ?? '')?.[1]
      ?.split(/\s+/)
      .filter(Boolean) ?? [];
  const files = [...text.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, file]) => file!.trim());
  if (tests.length === 0) throw new Error(`${name}: no tests, expected a first line “# tests: path …”`);
  if (files.length === 0) throw new Error(`${name}: no change, expected a unified diff`);
  return { name, tests, files };
}

/** The sources as they are on the disk, committed or not, with what is installed and what is built. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-mutants-'));
  const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const path of listed.split('\0')) {
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  for (const built of ['build', 'dist']) {
    if (existsSync(join(root, built))) cpSync(join(root, built), join(folder, built), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly late: boolean;
}

/** Runs a script of ours or of a tool; ends it, and all that it started, when it takes too long. */
function run(folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    detached: true, // A group of its own, so that threads and children end with it.
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let late = false;
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += String(bytes)));
  const timer = setTimeout(() => {
    late = true;
    process.kill(-child.pid!, 'SIGKILL');
  }, RUN_MS_MAX);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output, late });
    });
  });
}

interface Tests extends Ended {
  readonly ran: number;
  readonly failed: readonly string[];
}

let runs = 0;
async function test(folder: string, tests: readonly string[], bail: boolean): Promise<Tests> {
  const tally = join(folder, `tally-${runs++}`);
  const args = [join(folder, 'node_modules/vitest/vitest.mjs'), 'run', ...tests, ...(bail ? ['--bail=1'] : [])];
  const ended = await run(folder, args, { TRACEHOUND_TALLY: tally });
  const lines = existsSync(tally) ? readFileSync(tally, 'utf8').split('\n').filter(Boolean) : [];
  const all = lines.map((line) => JSON.parse(line) as Line);
  const failed = all.filter(({ state }) => state === 'failed').map(({ file, name }) => `${file} > ${name}`);
  return { ...ended, ran: all.length, failed };
}

/** What became of one mutant. `broken`: it shows nothing, and says why. */
type Verdict =
  | { readonly is: 'killed'; readonly by: string }
  | { readonly is: 'survived' }
  | { readonly is: 'broken'; readonly why: string };

const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

async function judge(folder: string, mutant: Mutant): Promise<Verdict> {
  const patch = join(root, MUTANTS, mutant.name);
  try {
    // In place of the nearest repository, which may lie above the copy: there is none.
    git(folder, 'apply', '--whitespace=nowarn', patch);
  } catch (error) {
    return { is: 'broken', why: `does not apply: ${String((error as { stderr?: unknown }).stderr).trim()}` };
  }
  try {
    const compiled = mutant.files.some((file) => file.startsWith('assembly/'));
    if (compiled) {
      const built = await run(folder, ['tools/build.ts', 'testing']);
      if (built.code !== 0) return { is: 'broken', why: `does not compile:\n${built.output}` };
    }
    let ended = await test(folder, mutant.tests, true);
    // Vitest may stop at the first failure before it has said which one that was: then all are let fail.
    if (!ended.late && ended.code !== 0 && ended.failed.length === 0) ended = await test(folder, mutant.tests, false);
    const { code, late, failed, output } = ended;
    if (late) return { is: 'killed', by: `no end after ${RUN_MS_MAX / 1_000} s` };
    if (failed.length > 0) return { is: 'killed', by: failed[0]! };
    return code === 0 ? { is: 'survived' } : { is: 'broken', why: `no test ran:\n${output}` };
  } finally {
    git(folder, 'apply', '--whitespace=nowarn', '--reverse', patch);
    for (const built of ['build', 'dist']) {
      if (!mutant.files.some((file) => file.startsWith('assembly/')) || !existsSync(join(root, built))) continue;
      rmSync(join(folder, built), { recursive: true, force: true });
      cpSync(join(root, built), join(folder, built), { recursive: true });
    }
  }
}

async function main(asked: readonly string[], survivorsMax: number): Promise<number> {
  const names = readdirSync(join(root, MUTANTS)).filter((name) => name.endsWith('.patch'));
  const chosen = names.sort().filter((name) => asked.length === 0 || asked.some((each) => name.startsWith(each)));
  if (chosen.length === 0) throw new Error(`mutants: none, expected *.patch in ${MUTANTS} that begin as asked`);
  const mutants = chosen.map((name) => readMutant(name, readFileSync(join(root, MUTANTS, name), 'utf8')));
  const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))].sort();
  const gone = tests.filter((path) => !existsSync(join(root, path)));
  if (gone.length > 0) throw new Error(`mutants: no such test, expected a file, got ${gone.join(' ')}`);

  const folder = copy();
  try {
    const before = await test(folder, tests, false);
    if (before.code !== 0 || before.ran === 0) {
      throw new Error(`mutants: red without any fault: ${before.failed.join(', ') || before.output}`);
    }
    console.log(`without a fault: ${before.ran} tests of ${tests.length} files pass`);
    const count = { killed: 0, survived: 0, broken: 0 };
    for (const mutant of mutants) {
      const began = performance.now();
      const verdict = await judge(folder, mutant);
      count[verdict.is]++;
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      const what =
        verdict.is === 'killed'
          ? `killed by ${verdict.by}`
          : verdict.is === 'survived'
            ? 'SURVIVED'
            : `BROKEN, ${verdict.why}`;
      console.log(`${mutant.name}  ${what}  (${seconds} s)`);
    }
    console.log(`${count.killed} killed, ${count.survived} survived, ${count.broken} broken, of ${mutants.length}`);
    return count.broken > 0 || count.survived > survivorsMax ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { survivors: { type: 'string', default: '2' } },
    allowPositionals: true,
  });
  try {
    process.exitCode = await main(positionals, Number(values.survivors));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
