/**
 * The engine's half that is the log: its head, its records, the acts that only the host knows of.
 *
 * Relies on: `life` for the core. Refuses: to wait, to sign, to know where records go.
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import type { AuditExport } from '../types/index';
import type { AlarmOwner } from './alarms';
import { type Appended, type EngineSource, writeAppend, writeSource } from './inbox';
import type { Life } from './life';
import type { Core } from './link';
import { readAudit, readDigest } from './records';
import { HOST_KINDS, type HostKind } from './words';

const IN = abi.INBOX_AT;
/** Six bytes. */
const TOTAL_MAX = 2 ** 48 - 1;

export interface LogTail {
  readonly records: readonly Uint8Array[];
  readonly details: readonly (Uint8Array | null)[];
  readonly leaves: readonly Uint8Array[];
}

export interface AppendFields extends Appended {
  /** The sidecar that the record commits to. */
  readonly detail?: Uint8Array | undefined;
  /** 0 low … 3 critical. */
  readonly severity?: number;
  /** Whose tag the record carries. */
  readonly source?: EngineSource;
}

export class EngineLog {
  readonly #life: Life;

  constructor(life: Life) {
    this.#life = life;
  }

  /** Name of the log that the core holds; empty before the first call. */
  get origin(): string {
    return this.#life.origin;
  }

  head(now: number): { origin: string; size: number; root: Uint8Array } {
    return this.#life.run(now, (core) => {
      core.call.root();
      return { origin: this.#life.origin, size: readAudit(core).size, root: readDigest(core, abi.OUTBOX_HASH) };
    });
  }

  verify(now: number): { ok: boolean; from: number; to: number; gaps: number } {
    return this.#life.run(now, (core) => {
      const ok = core.call.verify() !== 0;
      const { heldFrom, size, lost } = readAudit(core);
      return { ok, from: heldFrom, to: size, gaps: lost };
    });
  }

  /** Writes what is still folded: pending repeats and the open gap; with `closing` also the CLOSE record. */
  settle(now: number, closing: boolean): void {
    while (this.#life.run(now, (core) => core.call.settle(now, closing ? 1 : 0)) !== 0);
  }

  /** Name, size and head of the chain: the leaf hash of the newest record, of an empty log the hash of its origin. */
  link(now: number): { origin: string; size: number; link: Uint8Array } {
    return this.#life.run(now, (core) => {
      const at = core.places.audit + abi.AUDIT_PREV;
      return { origin: this.#life.origin, size: readAudit(core).size, link: core.bytes.slice(at, at + 32) };
    });
  }

  /** The records [from, to), which must be held, with their leaf hashes: each names that of the one before. */
  tail(now: number, from: number, to: number): LogTail {
    const { records, details } = this.export(now, from, to);
    const { link, size } = this.link(now);
    const leaves: Uint8Array[] = records.slice(1).map((record) => record.slice(abi.LOG_PREV, abi.LOG_PREV + 32));
    if (to < size) leaves.push(this.export(now, to, to + 1).records[0]!.slice(abi.LOG_PREV, abi.LOG_PREV + 32));
    else if (records.length > 0) leaves.push(link);
    return { records, details, leaves };
  }

  /**
   * Appends a record that only the host can know of; answers its sequence number. HEARTBEAT carries the totals by itself,
   * KEY begins the next key epoch; the fields of the others are those of docs/format.md.
   */
  append(now: number, kind: HostKind, fields: AppendFields = {}): number {
    return this.#life.run(now, (core) => {
      if (kind === 'key') nextEpoch(core);
      this.#life.details.with(core, fields.detail, () => {
        let flags = 0;
        if (kind === 'heartbeat') {
          const audit = readAudit(core);
          const { seen, flagged, uninspected, skipped, failedOpen } = audit;
          writeAppend(core, HOST_KINDS[kind], {
            ...fields,
            overlay: totals(seen, flagged, uninspected, skipped, failedOpen),
          });
          const { allowed, limited, dropped, shed, lostEvents } = audit;
          core.bytes.set(totals(allowed, limited, dropped, shed, lostEvents), IN + abi.INBOX_OVERLAY_SOURCE);
          flags |= abi.IN_OVERLAY_SOURCE;
        } else writeAppend(core, HOST_KINDS[kind], fields);
        if (fields.severity !== undefined) {
          core.u32[(IN + abi.INBOX_SEVERITY) >>> 2] = fields.severity;
          flags |= abi.IN_SEVERITY;
        }
        if (fields.source !== undefined) {
          writeSource(core, fields.source);
          flags |= abi.IN_SOURCE;
        }
        // The bit of the sidecar was set before and stays.
        core.u32[IN >>> 2] = ((core.u32[IN >>> 2] as number) & abi.IN_DETAIL) | flags;
        core.call.append(now);
        core.u32[IN >>> 2] = (core.u32[IN >>> 2] as number) & ~flags;
      });
      return core.f64[(abi.OUTBOX_AT + abi.OUTBOX_SEQ) >>> 3] as number;
    });
  }

  /**
   * Calls `alarm` before the first call that finds `size` records or more; once. `alarm` may use the engine. Each owner
   * has one alarm: setting it again replaces that owner's, and nobody else's.
   */
  alarmAt(owner: AlarmOwner, size: number, alarm: (now: number) => void): void {
    this.#life.alarms.set(owner, size, alarm);
  }

  /** Copies of the records [from, to), clipped to what exists. Throws `RANGE_UNAVAILABLE` when `from` is not held. */
  export(now: number, from: number | undefined, to: number | undefined): AuditExport {
    return this.#life.run(now, (core) => {
      const { size, heldFrom, releasedTo } = readAudit(core);
      const first = from ?? Math.max(heldFrom, releasedTo);
      const end = Math.min(to ?? size, size);
      if (first < heldFrom) {
        throw new TracehoundError(
          'RANGE_UNAVAILABLE',
          `audit.export: record not held any more, expected from ≥ ${heldFrom}, got ${first}`,
        );
      }
      const records: Uint8Array[] = [];
      const details: (Uint8Array | null)[] = [];
      for (let seq = first; seq < end; seq++) {
        core.view.setFloat64(IN + abi.INBOX_NUMBER, seq, true);
        const at = core.call.recordAt();
        const record = core.bytes.slice(at, at + abi.LOG_BYTES);
        records.push(record);
        details.push(this.#life.details.of(record));
      }
      return { origin: this.#life.origin, from: first, records, details };
    });
  }

  release(now: number, toSeq: number): void {
    const newest = this.#life.run(now, (core) => {
      const { size } = readAudit(core);
      core.view.setFloat64(IN + abi.INBOX_NUMBER, toSeq <= size ? toSeq : 0, true);
      core.call.release();
      return size;
    });
    // Thrown out here: what is thrown beside a core costs the core its life.
    if (toSeq > newest) throw new RangeError(`audit.release: too large, expected toSeq ≤ ${newest}, got ${toSeq}`);
  }

  /** Begins another log: the name of this one is somebody else's in the store. */
  renew(now: number): void {
    this.#life.renew(now);
  }

  get carried(): readonly AuditExport[] {
    return this.#life.carried;
  }

  releaseCarried(origin: string): void {
    this.#life.carried = this.#life.carried.filter((log) => log.origin !== origin);
  }

  /** The numbers of the log's state; `undefined` before the first call. */
  state(): ReturnType<typeof readAudit> | undefined {
    return this.#life.core && readAudit(this.#life.core);
  }
}

/** Five totals, six bytes each, as HEARTBEAT has them; a number with no room there is the largest. */
function totals(...five: [number, number, number, number, number]): Uint8Array {
  const overlay = new Uint8Array(32);
  const view = new DataView(overlay.buffer);
  for (const [i, total] of five.entries()) {
    const fits = Math.min(Math.max(0, Math.floor(total)), TOTAL_MAX);
    view.setUint16(6 * i, Math.floor(fits / 2 ** 32));
    view.setUint32(6 * i + 2, fits % 2 ** 32);
  }
  return overlay;
}

/** Every record from the KEY on is of the next epoch; the core stops where a byte ends, and checkpoints.ts before. */
function nextEpoch(core: Core): void {
  const at = (core.places.audit + abi.AUDIT_EPOCH) >>> 2;
  core.u32[at] = (core.u32[at] as number) + 1;
  core.poked?.(at << 2, 4);
}
