/**
 * Reads a stored log in a process of its own, which never saw it written: verifies it with the public key alone, then adds up
 * what its records account for. Prints one line of JSON.
 *
 *   node reader.ts FOLDER VKEY
 *
 * Relies on: `dist`, the layout of records in docs/format.md. Refuses: to know what was sent, and to trust anything but the key.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findLogs, type LogSource, parsePolicy, type Root, verifyLog } from 'tracehound/verify';
import { COUNT, KIND, KINDS, numberAt, PAYLOAD, REASON, SOURCE, TIME, u32At } from '../../../src/formats/record.ts';

export interface ReadLog {
  readonly exitCode: number;
  readonly findings: readonly string[];
  readonly records: number;
  /** Records and their sidecars. */
  readonly bytes: number;
  /** Sums of counts, as `KIND` and as `KIND/reason number`. */
  readonly sums: Readonly<Record<string, number>>;
  readonly numbers: Readonly<Record<string, number>>;
  /** Of the last HEARTBEAT. */
  readonly totals: Readonly<Record<string, number>>;
  /** Unix ms of each record, by its number. */
  readonly times: readonly number[];
}

const TOTALS = ['seen', 'flagged', 'uninspected', 'skipped', 'failedOpen'];
const TOTALS_SOURCE = ['allowed', 'limited', 'dropped', 'shed', 'lost'];
const TOTAL_BYTES = 6;

const [folder = '', key = ''] = process.argv.slice(2);

const missing = (error: unknown): undefined => {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'EISDIR') return;
  throw error;
};
const root: Root = {
  get: (path) => readFile(join(folder, path)).catch(missing),
  list: (path) => readdir(join(folder, path)).catch((error) => missing(error) ?? []),
};

async function source(): Promise<LogSource> {
  const { logs } = await findLogs(root);
  if (logs.length !== 1) throw new Error(`reader: wrong number of logs, expected 1, got ${logs.length}`);
  return (logs[0] as (typeof logs)[number]).source;
}

const policy = parsePolicy(`log ${key}\nquorum none\n`);
const options = { policy, now: Date.now(), requireClose: true };
const { exitCode, findings } = await verifyLog(await source(), options);

const sums: Record<string, number> = {};
const numbers: Record<string, number> = {};
const totals: Record<string, number> = {};
const times: number[] = [];
let bytes = 0;

function add(record: Uint8Array): void {
  const name = KINDS[record[KIND] as number] ?? `kind ${record[KIND]}`;
  const count = u32At(record, COUNT);
  numbers[name] = (numbers[name] ?? 0) + 1;
  for (const sum of [name, `${name}/${record[REASON]}`]) sums[sum] = (sums[sum] ?? 0) + count;
  times.push(numberAt(record, TIME));
  if (name !== 'HEARTBEAT') return;
  for (const [names, from] of [
    [TOTALS, PAYLOAD],
    [TOTALS_SOURCE, SOURCE],
  ] as const)
    for (const [i, total] of names.entries())
      totals[total] = Math.floor(numberAt(record, from + i * TOTAL_BYTES) / 0x10000);
}

for await (const batch of (await source()).entries()) {
  for (const entry of batch) {
    if (entry.kind !== 'record') throw new Error(`reader: content is missing, expected a record, got ${entry.kind}`);
    bytes += entry.record.length + (entry.detail?.length ?? 0);
    add(entry.record);
  }
}

const read: ReadLog = {
  exitCode,
  findings: findings.map(({ code, message }) => `${code}: ${message}`),
  records: times.length,
  ...{ bytes, sums, numbers, totals, times },
};
console.log(JSON.stringify(read));
