/**
 * A real server under a hostile crowd, and the question whether its log accounts for every request.
 *
 *   node test/lab/hostile.ts --seed 7 [--seconds 60]
 *
 * The ledger. The crowd knows what it sent: a request is *sent* when its head was handed whole to the operating system, also
 * if the connection was reset right after. A fresh process reads the stored log. With the sums of `count` over the records of a
 * kind, and the totals of the last HEARTBEAT record, all of these are equalities, not bounds:
 *
 *   sent by blocked sources, 429 answers to the greedy one       LIMITED                                = HEARTBEAT limited
 *   flagged, sent by the others                                  QUARANTINED + DUPLICATE + DROPPED
 *                                                                + EVICTED + PURGED + NEUTRALIZED
 *                                                                + REPLACED + ERASED                    = HEARTBEAT flagged
 *   the detector threw, or had no body in time                   UNINSPECTED                            = HEARTBEAT uninspected
 *   exempt by `skip` · by `allow`                                                                       HEARTBEAT skipped · allowed
 *   all that was sent                                                                                   HEARTBEAT seen
 *
 * A *stranger* resets a fresh connection, often before the server accepts it, and then no system knows its address any more. It
 * counts as the source `unknown`: refused by the limit of that, or flagged. So the first two lines hold for their sum, with the
 * strangers in it; each alone may be larger by as many as there were strangers. All the crowd's strangers are blocked sources. A
 * third of them ask for something clean, which would reach an application that does not look whether anybody is still there; they
 * have a server of their own, the *door*, whose HEARTBEAT says how many they were.
 *
 * What is left of `seen` was clean. Nothing of a blocked source, and nothing flagged, reached the application; each request
 * that waited for its answer got the right one. The greedy source alone can be over its limit by chance, so it always waits.
 *
 * The bounds. The heap, collected, grows by less than 2 MiB between the first fifth and the end. The log's folder has at most
 * twice the bytes of its records and sidecars. No record is without a signed head for longer than `checkpointMs` + 1 s, and the
 * longest time for which the server's event loop stood still. A quiet log with one flagged request a second has at most 10 files a minute.
 *
 * Relies on: `dist`, a loopback network whose every address may be a source (Linux). Refuses: to send more than it planned.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Crowd, type Fate, trickle } from './hostile/crowd.ts';
import { faultsOf, ledgerOf, type Sums } from './hostile/ledger.ts';
import { type Act, BLOCKED, planOf } from './hostile/plan.ts';
import type { ReadLog } from './hostile/reader.ts';
import type { Begun, Given, Looked } from './hostile/server.ts';

const PER_SECOND = 100;
const CHECKPOINT_MS = 1_000;
const POLL_MS = 100;
const HEAP_MAX = 2 * 1_024 * 1_024;
const FILES_PER_MINUTE = 10;

export interface Found {
  /** What did not hold, in words; empty when everything did. */
  readonly faults: readonly string[];
  /** Figures for people. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** Node of the dev dependencies: a global one may not strip types. */
const node = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'node');
const program = (name: string): string => join(import.meta.dirname, 'hostile', `${name}.ts`);

/** The newest size that a signed head covers, as it was at some moment after `at`. */
interface Seen {
  readonly at: number;
  readonly size: number;
}

class Heads {
  readonly seen: Seen[] = [];
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;

  constructor(path: string) {
    this.#path = path;
    this.#timer = setInterval(() => this.#look(), POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const at = Date.now();
    try {
      const size = Number(readFileSync(this.#path, 'utf8').split('\n')[1]);
      this.seen.push({ at, size });
    } catch {
      // Not there yet.
    }
  }

  /** How long, at least, the record that waited longest had no signed head above it; ms. */
  longestWait(times: readonly number[]): number {
    let longest = 0;
    for (const { at, size } of this.seen) {
      const oldest = times[size];
      if (oldest !== undefined) longest = Math.max(longest, at - oldest);
    }
    return longest;
  }
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
}

const bytesIn = (folder: string): number => filesIn(folder).reduce((sum, path) => sum + statSync(path).size, 0);

async function answered<T>(server: ChildProcess, word: string): Promise<T> {
  const answer = once(server, 'message');
  server.send(word);
  return (await answer)[0] as T;
}

async function read(folder: string, vkey: string): Promise<ReadLog> {
  const { stdout } = await promisify(execFile)(node, [program('reader'), folder, vkey], { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as ReadLog;
}

/** Lets the crowd loose for about `seconds`. Everything that it starts has ended when this resolves. */
export async function hostile(given: {
  seed: number;
  seconds: number;
  print?: (line: string) => void;
}): Promise<Found> {
  const { seed, seconds, print = () => {} } = given;
  print(`hostile: seed ${seed}, ${seconds} s`);
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-hostile-'));
  const told: Given = { folder, blocked: BLOCKED, checkpointMs: CHECKPOINT_MS };
  const server = spawn(node, ['--expose-gc', '--no-warnings', program('server'), JSON.stringify(told)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const heads = new Heads(join(folder, 'log', 'hostile.example', 'log', 'checkpoint'));
  try {
    const begun = (await Promise.race([once(server, 'message'), once(server, 'exit')]))[0] as Begun;
    if (typeof begun?.http1 !== 'number') throw new Error(`hostile: the server ended, expected ports, got ${begun}`);
    const acts = planOf(seed, Math.round(seconds * PER_SECOND), PER_SECOND);
    const crowd = new Crowd(begun);
    let isOver = false;
    const quiet = trickle(begun.quiet, () => isOver);
    const fifth = Math.ceil(acts.length / 5);
    let pausedMs = 0;
    await crowd.send(acts.slice(0, fifth), () => 0);
    const before = performance.now();
    const first = await answered<Looked>(server, 'look');
    pausedMs = performance.now() - before;
    await crowd.send(acts.slice(fifth), () => pausedMs);
    isOver = true;
    const quietCount = await quiet;
    // The last totals: a HEARTBEAT of each second, stored and signed by the next.
    await new Promise((resolve) => setTimeout(resolve, 3 * CHECKPOINT_MS));
    const last = await answered<Looked>(server, 'look');
    const live = bytesIn(join(folder, 'log'));
    heads.stop();
    await answered(server, 'end');
    await once(server, 'exit');
    const log = await read(join(folder, 'log'), begun.vkey);
    const calm = await read(join(folder, 'quiet'), begun.vkey);
    const door = await read(join(folder, 'door'), begun.vkey);
    return judge({
      acts,
      fates: crowd.fates,
      unmade: crowd.unmade,
      first,
      last,
      log,
      calm,
      door,
      live,
      quietCount,
      folder,
      heads,
    });
  } finally {
    heads.stop();
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Ended {
  readonly acts: readonly Act[];
  readonly fates: readonly Fate[];
  readonly unmade: number;
  readonly first: Looked;
  readonly last: Looked;
  readonly log: ReadLog;
  readonly calm: ReadLog;
  readonly door: ReadLog;
  /** Bytes of the log's folder before it was closed. */
  readonly live: number;
  readonly quietCount: number;
  readonly folder: string;
  readonly heads: Heads;
}

function judge(seen: Ended): Found {
  const { acts, fates, first, last, log, calm, door, live, quietCount, folder, heads } = seen;
  const ledger = ledgerOf(acts, fates);
  const faults = faultsOf(ledger, log, door, last);
  const expect = (fact: boolean, words: string): void => void (fact || faults.push(words));
  for (const [name, one] of [
    ['log', log],
    ['quiet log', calm],
    ['log of the door', door],
  ] as const)
    expect(one.exitCode === 0, `the ${name} does not verify: exit code ${one.exitCode}; ${one.findings.join('; ')}`);
  const heap = last.heap - first.heap;
  expect(heap < HEAP_MAX, `the heap grew by ${heap} bytes, expected less than ${HEAP_MAX}`);
  const stored = bytesIn(join(folder, 'log'));
  for (const [when, bytes] of [
    ['open', live],
    ['closed', stored],
  ] as const)
    expect(bytes <= 2 * log.bytes, `the ${when} log has ${bytes} bytes, expected at most twice ${log.bytes}`);
  const wait = heads.longestWait(log.times);
  const waitMax = CHECKPOINT_MS + 1_000 + last.stallMs;
  expect(wait <= waitMax, `a record was unsigned for ${wait} ms, expected ${Math.round(waitMax)} at most`);
  const files = filesIn(join(folder, 'quiet')).length;
  const filesMax = Math.max(1, quietCount / 60) * FILES_PER_MINUTE;
  expect(
    files <= filesMax,
    `the quiet log has ${files} files for ${quietCount} requests, expected ${filesMax} at most`,
  );
  const quietSum = Object.entries(calm.sums).filter(([name]) => FLAGGED_QUIET.includes(name));
  const quietFlagged = quietSum.reduce((sum, [, count]) => sum + count, 0);
  expect(quietFlagged === quietCount, `the quiet log accounts for ${quietFlagged} requests, expected ${quietCount}`);
  const figures = {
    sent: ledger.sent,
    atTheDoor: ledger.door,
    shares: ledger.shares,
    records: log.records,
    numbers: log.numbers,
    recordBytes: log.bytes,
    storedBytes: { open: live, closed: stored },
    heapGrowth: heap,
    longestUnsignedMs: wait,
    stallMs: Math.round(last.stallMs),
    quiet: { requests: quietCount, files },
  };
  return { faults, figures };
}

const FLAGGED_QUIET: readonly (keyof Sums)[] = ['QUARANTINED', 'DUPLICATE', 'DROPPED', 'LIMITED'];

if (import.meta.main) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' } } });
  const seed = Number(values.seed ?? Math.floor(Date.now() / 1_000));
  const { faults, figures } = await hostile({ seed, seconds: Number(values.seconds), print: console.log });
  console.log(JSON.stringify(figures, undefined, 2));
  for (const fault of faults) console.error(`hostile: ${fault}`);
  console.log(`hostile: seed ${seed}, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
