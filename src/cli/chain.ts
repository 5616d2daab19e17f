/**
 * How the logs of one store follow on each other: each names the one before it, its size and its head, in a RESUME or PANIC
 * record. A log that was removed whole, cut or written anew is still named by the next.
 *
 *   log 1 ◀── origin, size, root ── log 2 ◀── origin, size, root ── log 3 ◀── latest
 *
 * A log that was not closed and is followed by another has ended, however young it is: what came behind its last head is gone.
 *
 * Relies on: the layout of a record, tlog. Refuses: to verify a log; it only compares what two of them say.
 */
import { toHex } from '../formats/bytes';
import { ID, isZero, KIND, numberAt, PANIC, PAYLOAD, RESUME } from '../formats/record';
import { Frontier, leafHash } from '../formats/tlog';
import type { FoundLog } from '../verify/directory';
import { sidecarFacts } from '../verify/json';
import type { Finding, LogReport } from '../verify/report';
import { widthOf } from '../verify/signed';
import type { LogSource, RecordEntry } from '../verify/source';

/** What a log says of the one before it. */
interface Claim {
  readonly by: FoundLog;
  readonly seq: number;
  readonly place: string;
  readonly origin: string;
  readonly size: number;
  /** Lowercase hex; empty when the writer could not tell. */
  readonly root: string;
  /** The writer found it in this store, so it must be here; else it may have been kept elsewhere. */
  readonly isHere: boolean;
  /** The writer found it without CLOSE. */
  readonly isOpen: boolean;
}

/** A log that was verified. */
export interface Judged {
  readonly log: FoundLog;
  readonly report: LogReport;
}

/** A finding of the chain, and the log it is about. */
interface ChainFinding {
  readonly log: FoundLog;
  readonly finding: Finding;
}

export class Chain {
  readonly #claims: Claim[] = [];

  /** The same source; what it says of its predecessors is kept while it is read. */
  watch(log: FoundLog): LogSource {
    const { source } = log;
    const claims = this.#claims;
    return {
      ...source,
      entries: async function* () {
        let seq = 0;
        for await (const batch of source.entries()) {
          for (const entry of batch) {
            const claim = entry.kind === 'record' ? claimOf(log, entry, seq) : undefined;
            if (claim !== undefined) claims.push(claim);
            seq += widthOf(entry);
          }
          yield batch;
        }
      },
    };
  }

  /** Origins that were named and are not among `logs`. */
  named(logs: readonly Judged[]): string[] {
    const origins = new Set(logs.map(({ report }) => report.origin));
    return [...new Set(this.#claims.map(({ origin }) => origin))].filter((origin) => !origins.has(origin));
  }

  /** Compares what was said with what is there. */
  async compare(logs: readonly Judged[]): Promise<ChainFinding[]> {
    const findings: ChainFinding[] = [];
    for (const claim of this.#claims) {
      const before = logs.find(({ report }) => report.origin === claim.origin);
      const found = before === undefined ? [missing(claim)] : [await compared(claim, before), endedOpen(claim, before)];
      for (const finding of found) if (finding) findings.push({ log: before?.log ?? claim.by, finding });
    }
    return findings;
  }
}

function claimOf(by: FoundLog, { record, detail, place }: RecordEntry, seq: number): Claim | undefined {
  const isClaim = record[KIND] === RESUME || record[KIND] === PANIC;
  if (!isClaim || detail === undefined || record.length < PAYLOAD + 32) return undefined;
  const facts = sidecarFacts(detail);
  // Without an origin, or with its own, a log goes on with itself.
  if (typeof facts.origin !== 'string') return undefined;
  const root = isZero(record, PAYLOAD, PAYLOAD + 32) ? '' : toHex(record.subarray(PAYLOAD, PAYLOAD + 32));
  const { origin, ended } = facts;
  return {
    by,
    seq,
    place,
    origin,
    size: numberAt(record, ID),
    root,
    isHere: ended !== undefined,
    isOpen: ended === 'open',
  };
}

function missing({ origin, seq, place, isHere }: Claim): Finding {
  const message = `it follows on the log ${origin}, which is not here`;
  return { verdict: 'completeness', severity: isHere ? 'bad' : 'note', code: 'LOG_MISSING', seq, place, message };
}

async function compared({ by, size, root }: Claim, { log, report }: Judged): Promise<Finding | undefined> {
  const who = `the log at ${by.path}`;
  if (size > report.size) {
    const message = `${report.size} records, but ${who} says that there were ${size}`;
    return { verdict: 'completeness', severity: 'bad', code: 'ROLLED_BACK', message };
  }
  if (root === '' || size === 0) return undefined;
  const found = size === report.size ? report.root : await rootAt(log.source, size);
  if (found === undefined || found === '' || found === root) return undefined;
  const message = `the first ${size} records are not those that ${who} says were there`;
  return { verdict: 'integrity', severity: 'bad', code: 'REWRITTEN', message };
}

/** Only what the next log found: one that is still written is longer by now, if only by its heartbeat. */
function endedOpen({ by, size, isOpen }: Claim, { report }: Judged): Finding | undefined {
  if (!isOpen || report.closed || report.size > size) return undefined;
  const message = `the log at ${by.path} found it without CLOSE: what came behind its last head may be missing`;
  return { verdict: 'completeness', severity: 'unknown', code: 'ENDED_OPEN', message };
}

/** Tree head of the first `size` leaves; `undefined` where it cannot be computed. */
async function rootAt(source: LogSource, size: number): Promise<string | undefined> {
  const tree = new Frontier();
  for await (const batch of source.entries()) {
    for (const entry of batch) {
      if (entry.kind === 'missing' || tree.size + widthOf(entry) > size) return undefined;
      if (entry.kind === 'subtree') tree.appendSubtree(entry.level, entry.hash);
      else tree.append(entry.kind === 'leaf' ? entry.hash : leafHash(entry.record));
      if (tree.size === size) return toHex(tree.root());
    }
  }
  return undefined;
}
