/**
 * Evidence: what is held, by signature, id or trace id; and the acts that end it. Every act is a record.
 *
 * Relies on: the engine, which holds it; the agent, which takes in. Refuses: to hand out anything but copies. A handle is frozen facts: nothing done
 * with it can damage the store.
 */

import { type Engine, PURGE_REASONS } from '../engine/index';
import { TracehoundError } from '../errors';
import { fromHex } from '../formats/bytes';
import { actorFacts, sidecar } from '../formats/sidecar';
import type { Keeper } from '../log/keeper';
import type {
  Actor,
  EvidenceHandle,
  InterceptResult,
  PurgeReason,
  Quarantine,
  QuarantineStats,
  Scent,
} from '../types/index';
import type { QuarantineOptions } from '../types/options';
import { atOnce } from '../validate/at-once';
import type { Agent } from './agent';
import type { TraceIds } from './trace';

const SIGNATURE = /^([a-z0-9_.-]{1,64}):([0-9a-f]{64})$/;
const EVIDENCE_ID = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(-[0-9a-f]{16})?$/;
const LIST_MAX = 1_000;
const LIST_DEFAULT = 100;
const NO_UUID = new Uint8Array(16);

export interface EvidencePort {
  engine: Engine;
  agent: Agent;
  trace: TraceIds;
  now(): number;
  /** As `now`; throws when the instance is closed. */
  time(): number;
  /** As `time`; throws also when no record may be appended. */
  actTime(): number;
  /** The sidecar of an act, `undefined` when nobody said who. */
  detail(who: Actor | undefined): Uint8Array | undefined;
  random(bytes: Uint8Array): void;
  keeper: Keeper;
  authorize: QuarantineOptions['authorize'];
}

export class Evidence implements Quarantine {
  readonly #port: EvidencePort;

  constructor(port: EvidencePort) {
    this.#port = port;
  }

  has(signature: string): boolean {
    return this.#slot(this.#port.time(), signature) !== 0;
  }

  get(signature: string): EvidenceHandle | undefined {
    return this.#slot(this.#port.time(), signature) === 0 ? undefined : this.#port.engine.handle();
  }

  find(id: string): EvidenceHandle | undefined {
    const now = this.#port.time();
    const { engine, trace } = this.#port;
    const text = plainId(id);
    const meant = EVIDENCE_ID.test(text) ? [uuidBytes(text)] : trace.resolve(now, text);
    if (!meant.some((uuid) => engine.findId(now, uuid) !== 0)) return undefined;
    const handle = engine.handle();
    // The whole id was given: its random half must agree too.
    return text.length === 53 && handle.id !== text ? undefined : handle;
  }

  read(signature: string, who?: Actor): Uint8Array {
    const now = this.#port.actTime();
    const detail = this.#port.detail(who);
    const { slot } = this.#authorized(now, 'read', signature, who);
    return this.#port.engine.read(now, slot, 'accessed', detail);
  }

  async export(signature: string, who?: Actor): Promise<Uint8Array> {
    const now = this.#port.actTime();
    const { engine, keeper, random } = this.#port;
    // Asked first: what cannot be exported is not recorded as exported.
    const proofs = keeper.proofs('quarantine.export');
    const { slot, handle } = this.#authorized(now, 'export', signature, who);
    const { salt, salvaged } = engine.secrets(now, slot);
    // Half of an id is in no record: the one that says who has it now commits to all of it.
    const item = proofs.commitment(salt, handle.id);
    const detail = sidecar({ ...actorFacts(who), item }, random);
    const payload = engine.read(now, slot, 'exported', detail);
    return proofs.bundle({ handle, salt, payload, salvaged });
  }

  /** The slot of an item that `who` may have; else throws `NOT_FOUND`, or `ACCESS_DENIED` after the record that says so. */
  #authorized(
    now: number,
    act: 'read' | 'export',
    signature: string,
    who: Actor | undefined,
  ): { slot: number; handle: EvidenceHandle } {
    const { engine, authorize, random } = this.#port;
    const facts = actorFacts(who);
    const slot = this.#slot(now, signature);
    if (slot === 0) throw notHeld(act);
    const handle = engine.handle();
    if (authorize === undefined) return { slot, handle };
    let allowed = false;
    let cause: unknown;
    try {
      allowed = atOnce('quarantine.authorize', authorize(act, handle, who)) === true;
    } catch (error) {
      cause = error;
    }
    // Whoever was asked may have done anything meanwhile.
    const still = this.#slot(now, signature);
    if (still === 0) throw notHeld(act);
    if (allowed) return { slot: still, handle };
    engine.read(now, still, 'denied', sidecar({ ...facts, act }, random));
    throw new TracehoundError('ACCESS_DENIED', `quarantine.${act}: not authorised, expected leave, got none`, {
      cause,
    });
  }

  neutralize(signature: string, who?: Actor): boolean {
    const now = this.#port.actTime();
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
    const now = this.#port.actTime();
    const detail = this.#port.detail(who);
    const slot = this.#slot(now, signature);
    if (slot === 0) return false;
    this.#port.engine.purge(now, slot, reason, detail);
    return true;
  }

  replace(oldSignature: string, scent: Scent, who?: Actor): InterceptResult {
    const now = this.#port.actTime();
    const detail = this.#port.detail(who);
    const slot = this.#slot(now, plainId(oldSignature));
    if (slot === 0) throw notHeld('replace');
    return this.#port.agent.replace(slot, scent, detail);
  }

  flush(who?: Actor): number {
    return this.purgeAll(who);
  }

  purgeAll(who?: Actor): number {
    const now = this.#port.actTime();
    const detail = this.#port.detail(who);
    let count = 0;
    for (;;) {
      const { purged, more } = this.#port.engine.flush(now, detail);
      count += purged;
      if (!more) return count;
    }
  }

  list(options: { limit?: number; after?: string } = {}): EvidenceHandle[] {
    const { limit = LIST_DEFAULT, after } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_MAX) {
      throw new RangeError(`quarantine.list: wrong limit, expected an integer 1 … ${LIST_MAX}, got ${Number(limit)}`);
    }
    const from = after === undefined ? undefined : plainId(after);
    if (from !== undefined && !EVIDENCE_ID.test(from)) {
      throw new RangeError('quarantine.list: wrong after, expected the id of a handle, got something else');
    }
    const now = this.#port.time();
    const handles: EvidenceHandle[] = [];
    let last = from === undefined ? NO_UUID : uuidBytes(from);
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

  /** Slot of a signature; 0 when it is not held or not a signature at all. */
  #slot(now: number, signature: string): number {
    const parts = SIGNATURE.exec(String(signature));
    if (parts === null) return 0;
    return this.#port.engine.find(now, parts[1] as string, fromHex(parts[2] as string) as Uint8Array);
  }
}

/** As people copy it: RFC 9562 §4 reads a UUID without regard to case, and mails put white space around. */
const plainId = (text: unknown): string => String(text).trim().toLowerCase();

const notHeld = (act: string): TracehoundError =>
  new TracehoundError('NOT_FOUND', `quarantine.${act}: not held, expected a held signature, got none`);

/** The 16 bytes of the UUID that an id begins with. */
const uuidBytes = (id: string): Uint8Array => fromHex(id.slice(0, 36).replaceAll('-', '')) as Uint8Array;
