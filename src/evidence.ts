/**
 * Evidence: what is held, by signature, id or trace id; and the acts that end it. Every act is a record.
 *
 * Relies on: engine, codec, custody. Refuses: to hand out anything but copies. A handle is frozen facts: nothing done
 * with it can damage the store.
 */
import { type Agent, closedError } from './agent';
import { fromHex } from './codec';
import { type Engine, PURGE_REASONS } from './engine/index';
import { TracehoundError } from './errors';
import type { TraceIds } from './trace';
import type { Actor, EvidenceHandle, InterceptResult, PurgeReason, Quarantine, QuarantineStats, Scent } from './types';

const SIGNATURE = /^([a-z0-9_.-]{1,64}):([0-9a-f]{64})$/;
const EVIDENCE_ID = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(-[0-9a-f]{16})?$/;
const LIST_MAX = 1_000;
const LIST_DEFAULT = 100;
const NO_UUID = new Uint8Array(16);

export interface CustodyPort {
  engine: Engine;
  agent: Agent;
  trace: TraceIds;
  now(): number;
  closed(): boolean;
  /** The sidecar of an act, `undefined` when nobody said who. */
  detail(who: Actor | undefined): Uint8Array | undefined;
}

export class Custody implements Quarantine {
  readonly #port: CustodyPort;

  constructor(port: CustodyPort) {
    this.#port = port;
  }

  has(signature: string): boolean {
    return this.#slot(this.#time(), signature) !== 0;
  }

  get(signature: string): EvidenceHandle | undefined {
    return this.#slot(this.#time(), signature) === 0 ? undefined : this.#port.engine.handle();
  }

  find(id: string): EvidenceHandle | undefined {
    const now = this.#time();
    const { engine, trace } = this.#port;
    const text = String(id);
    const uuid = EVIDENCE_ID.test(text) ? uuidBytes(text) : trace.resolve(now, text);
    if (uuid === undefined || engine.findId(now, uuid) === 0) return undefined;
    const handle = engine.handle();
    // The whole id was given: its random half must agree too.
    return text.length === 53 && handle.id !== text ? undefined : handle;
  }

  read(signature: string, who?: Actor): Uint8Array {
    const now = this.#time();
    const detail = this.#port.detail(who);
    const slot = this.#slot(now, signature);
    if (slot === 0)
      throw new TracehoundError('NOT_FOUND', 'quarantine.read: not held, expected a held signature, got none');
    return this.#port.engine.read(now, slot, 'accessed', detail);
  }

  neutralize(signature: string, who?: Actor): boolean {
    const now = this.#time();
    const detail = this.#port.detail(who);
    const slot = this.#slot(now, signature);
    if (slot === 0) return false;
    this.#port.engine.neutralize(now, slot, detail);
    return true;
  }

  purge(signature: string, reason: PurgeReason, who?: Actor): boolean {
    if (!Object.hasOwn(PURGE_REASONS, reason)) {
      const words = Object.keys(PURGE_REASONS).join(' | ');
      throw new RangeError(`quarantine.purge: unknown reason, expected ${words}, got ${typeof reason}`);
    }
    const now = this.#time();
    const detail = this.#port.detail(who);
    const slot = this.#slot(now, signature);
    if (slot === 0) return false;
    this.#port.engine.purge(now, slot, reason, detail);
    return true;
  }

  replace(oldSignature: string, scent: Scent, who?: Actor): InterceptResult {
    const now = this.#time();
    const detail = this.#port.detail(who);
    const slot = this.#slot(now, oldSignature);
    if (slot === 0) {
      throw new TracehoundError('NOT_FOUND', 'quarantine.replace: not held, expected a held signature, got none');
    }
    return this.#port.agent.replace(slot, scent, detail);
  }

  flush(who?: Actor): number {
    const now = this.#time();
    return this.#port.engine.flush(now, this.#port.detail(who));
  }

  list(options: { limit?: number; after?: string } = {}): EvidenceHandle[] {
    const { limit = LIST_DEFAULT, after } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_MAX) {
      throw new RangeError(`quarantine.list: wrong limit, expected an integer 1 … ${LIST_MAX}, got ${Number(limit)}`);
    }
    if (after !== undefined && !EVIDENCE_ID.test(after)) {
      throw new RangeError('quarantine.list: wrong after, expected the id of a handle, got something else');
    }
    const now = this.#time();
    const handles: EvidenceHandle[] = [];
    let last = after === undefined ? NO_UUID : uuidBytes(after);
    while (handles.length < limit) {
      const page = this.#port.engine.page(now, last, limit - handles.length);
      handles.push(...page);
      const newest = page.at(-1);
      if (newest === undefined) break;
      last = uuidBytes(newest.id);
    }
    return handles;
  }

  get stats(): QuarantineStats {
    this.#port.engine.inherit(this.#port.now);
    const held = this.#port.engine.quarantine();
    return {
      count: held?.count ?? 0,
      bytes: held?.bytes ?? 0,
      bySeverity: held?.bySeverity ?? { low: 0, medium: 0, high: 0, critical: 0 },
    };
  }

  #time(): number {
    if (this.#port.closed()) throw closedError();
    return this.#port.now();
  }

  /** Slot of a signature; 0 when it is not held or not a signature at all. */
  #slot(now: number, signature: string): number {
    const parts = SIGNATURE.exec(String(signature));
    if (parts === null) return 0;
    return this.#port.engine.find(now, parts[1] as string, fromHex(parts[2] as string) as Uint8Array);
  }
}

/** The 16 bytes of the UUID that an id begins with. */
const uuidBytes = (id: string): Uint8Array => fromHex(id.slice(0, 36).replaceAll('-', '')) as Uint8Array;
