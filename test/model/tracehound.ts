/**
 * The whole of Tracehound, slow and obvious: limit → size → sign → duplicate → admit or evict → record. It answers what
 * the instance must answer and says every record the log must hold, byte for byte.
 *
 * Relies on: the models of limiter, quarantine, ids and addresses; on being fed the entropy that the instance was given,
 * so that ids and salts come out the same. Refuses: to read the core.
 */
import { createHmac } from 'node:crypto';
import { canonicalText, identify, KEY, TEXT } from './address.ts';
import { halfSipHash } from './halfsiphash.ts';
import { IdsModel } from './ids.ts';
import { LimiterModel, type Verdict } from './limiter.ts';
import { type Fields, sha256 } from './log.ts';
import { type Item, newItem, QuarantineModel } from './quarantine.ts';

const KIND = {
  QUARANTINED: 2,
  EVICTED: 3,
  NEUTRALIZED: 4,
  PURGED: 5,
  CLOSE: 11,
  ACCESSED: 13,
  REPLACED: 14,
  DUPLICATE: 17,
  DROPPED: 18,
  LIMITED: 19,
  BLOCKED: 20,
  UNBLOCKED: 21,
  UNINSPECTED: 22,
} as const;
const TRUNCATED = 2;
const CATEGORY_REPLACED = 4;
const SEVERITY_REPLACED = 8;
const AGGREGATE = 16;
const DEGRADED = 32;
const SEVERITIES = ['low', 'medium', 'high', 'critical'];
const DISPOSITIONS = ['none', 'refused', 'observed', 'passed'];
const DROPS = ['', 'capacity', 'oversized', 'invalid'];
const FINGERPRINTED = 2;

export interface ModelOptions {
  rateLimit: { windowMs: number; limit: number; blockMs: number; maxSources: number; ipv6Prefix: number } | false;
  quarantine: { maxCount: number; maxBytes: number; shareCount: number; shareBytes: number };
  maxPayloadBytes: number;
  secret: Uint8Array;
  /** Every batch of entropy, in the order in which it was given. Read as it grows. */
  batches: readonly Uint8Array[];
}

/** A scent as the model understands it: everything that a caller may leave out or get wrong is decided already. */
export interface ModelScent {
  /** A text, or a key that is never parsed. */
  source: string | { key: string };
  threat?: { category: string | undefined; severity: number | undefined; detector: string; rule: string | undefined };
  payload?: Uint8Array | 'too_large' | 'invalid';
  /** With `too_large`: the lower bound. */
  size?: number;
  fingerprint?: string;
  truncated?: boolean;
  disposition?: number;
  charged?: boolean;
}

/** A record to come: with `sidecar`, its detail is the hash of what somebody said, under a salt only the instance knows. */
export interface Saying extends Fields {
  /** What the sidecar says besides. */
  sidecar?: Record<string, string> | undefined;
}

/** A signature that depends on the source alone is the core's secret until it answers. */
const named = (scent: ModelScent, signature: string): Record<string, string> =>
  scent.payload === undefined && scent.fingerprint === undefined
    ? { category: signature.slice(0, -65) }
    : { signature };

/** What the detector said besides, for the sidecar. */
const said = (scent: ModelScent, names: Record<string, string>): Record<string, string> | undefined => {
  const { rule, detector } = scent.threat!;
  return rule === undefined ? undefined : { rule, ...(detector ? { detector } : {}), ...names };
};

export interface Answer {
  readonly status: string;
  readonly evidence?: Item;
  readonly [field: string]: unknown;
}

interface Fold {
  group: string;
  /** Tags of those whose events are pending. */
  tags: Set<string>;
  kind: number;
  reason: number;
  count: number;
  pending: number;
}

interface Who {
  tag: Buffer;
  tagHex: string;
  /** 16 hex characters: who shares folds and a share of the store. */
  group: string;
  key: Uint8Array;
  text: Uint8Array;
}

export class TracehoundModel {
  readonly ids = new IdsModel();
  readonly limiter: LimiterModel | undefined;
  readonly quarantine: QuarantineModel;
  /** Records to be written, in order; the caller takes them. */
  said: Saying[] = [];
  totals = { seen: 0, flagged: 0 };
  /** What HEARTBEAT says besides. */
  further = { limited: 0, dropped: 0 };
  readonly #options: ModelOptions;
  readonly #tagKey: Buffer;
  readonly #groupKey: Buffer;
  readonly #folds = new Map<number, Fold>();
  #batch = 0;

  constructor(options: ModelOptions, now: number) {
    this.#options = options;
    this.#tagKey = createHmac('sha256', options.secret).update('tracehound/v1/source-tag').digest();
    this.#groupKey = createHmac('sha256', this.#tagKey).update(Uint8Array.of(0xff)).digest();
    this.quarantine = new QuarantineModel({ ...options.quarantine, maxPayloadBytes: options.maxPayloadBytes });
    this.ids.feed(options.batches[this.#batch++]!);
    if (options.rateLimit !== false) {
      const key = Buffer.from(this.ids.draw(8));
      this.limiter = new LimiterModel({ ...options.rateLimit, key0: key.readUInt32LE(0), key1: key.readUInt32LE(4) });
    }
    this.ids.draw(8); // the key of the signature buckets
    this.ids.make(now); // the instance
  }

  // ── one request ─────────────────────────────────────────────────────────────────────────────────

  /** The answer; `evidence` is the model's item, whose `handle` is known once its record has a number. */
  intercept(now: number, scent: ModelScent): Answer {
    this.#refill();
    const who = this.#who(scent.source);
    if (!scent.charged) this.totals.seen++;
    if (scent.threat) this.totals.flagged++;
    const disposition = scent.disposition ?? 1;
    let rated: { rate?: unknown } = {};
    if (this.limiter && !scent.charged) {
      const rate = this.#limit(now, who, 1, false, scent.threat ? disposition : disposition === 2 ? 2 : 1);
      rated = { rate };
      if (!rate.allowed) {
        return { status: 'rate_limited', rate, retryAfterMs: rate.retryAfterMs, blocked: rate.blocked };
      }
    }
    if (!scent.threat) return { status: 'clean', ...rated };
    return this.#capture(now, scent, who, rated);
  }

  #capture(now: number, scent: ModelScent, who: Who, rated: object, instead?: Item): Answer {
    const bytes = scent.payload;
    if (bytes === 'too_large' || (bytes instanceof Uint8Array && bytes.length > this.#options.maxPayloadBytes)) {
      const size = scent.size ?? (bytes as Uint8Array).length;
      const id = this.#drop(now, scent, who, 2, size, instead);
      return { status: 'payload_too_large', ...rated, id, limit: this.#options.maxPayloadBytes, size };
    }
    if (bytes === 'invalid') {
      return { status: 'dropped', ...rated, id: this.#drop(now, scent, who, 3, 0, instead), reason: DROPS[3] };
    }
    const payload = bytes ?? new Uint8Array();
    const hash = sha256(payload).toString('hex');
    const signed =
      scent.fingerprint !== undefined ? sha256(scent.fingerprint) : bytes === undefined ? sha256(who.text) : undefined;
    const signatureHash = signed?.toString('hex') ?? hash;
    const category = scent.threat!.category ?? 'unknown';
    const signature = `${category}:${signatureHash}`;
    const held = this.quarantine.find(signatureHash, category);
    if (held) {
      this.#repeat(now, scent, who, held);
      return { status: 'duplicate', ...rated, evidence: held };
    }
    const severity = scent.threat!.severity ?? 2;
    const plan = this.quarantine.plan(severity, payload.length, who.group, instead?.id);
    if (plan === 'dropped' || (instead && plan.length > 0)) {
      const id = this.#drop(now, scent, who, 1, payload.length, instead, named(scent, signature));
      return { status: 'dropped', ...rated, id, signature, reason: DROPS[1] };
    }
    if (instead) this.#end(now, instead, KIND.REPLACED, 0, true);
    for (const victim of plan) {
      this.#end(now, this.quarantine.get(victim.id), KIND.EVICTED, victim.reason === 'full' ? 1 : 2, false);
    }
    const id = this.ids.make(now);
    const salt = this.ids.draw(16);
    const item = newItem({
      id: id.slice(0, 32),
      suffix: id.slice(32),
      hash: signatureHash,
      payloadHash: signed ? hash : '',
      tag: who.tagHex,
      group: who.group,
      category,
      detector: scent.threat!.detector,
      payload: Buffer.from(payload).toString('hex'),
      severity,
      disposition: scent.disposition ?? 1,
      capturedAt: now,
      flags: signed ? FINGERPRINTED : 0,
      seq: -1,
    });
    this.#marks.set(item, threatFlags(scent));
    this.quarantine.insert(item);
    this.said.push({
      kind: KIND.QUARANTINED,
      time: now,
      severity,
      disposition: item.disposition,
      flags: threatFlags(scent),
      id: Buffer.from(item.id, 'hex'),
      length: payload.length,
      count: 1,
      payload: sha256(Uint8Array.of(2), salt, Buffer.from(hash, 'hex')),
      detail: sha256(Uint8Array.of(3), salt, signature),
      source: who.tag,
      sidecar: instead ? undefined : said(scent, named(scent, signature)),
    });
    this.#newest = item;
    return { status: 'quarantined', ...rated, evidence: item };
  }

  /** What the record of an item says about how it came. */
  readonly #marks = new Map<Item, number>();
  #newest: Item | undefined;

  /** The caller learned which sequence number the newest QUARANTINED record got. */
  settleSeq(seq: number): void {
    if (this.#newest) this.#newest.seq = seq;
    this.#newest = undefined;
  }

  handle(item: Item): Record<string, unknown> {
    return {
      id: idText(item.id + item.suffix),
      seq: item.seq,
      signature: `${item.category}:${item.hash}`,
      hash: item.payloadHash || item.hash,
      size: item.payload.length / 2,
      truncated: (this.#marks.get(item)! & TRUNCATED) !== 0,
      severity: SEVERITIES[item.severity],
      category: item.category,
      detector: item.detector || undefined,
      sourceTag: item.tag,
      capturedAt: item.capturedAt,
      lastSeenAt: item.lastSeenAt,
      seen: item.seen,
      disposition: DISPOSITIONS[item.disposition],
    };
  }

  #repeat(now: number, scent: ModelScent, who: Who, item: Item): void {
    const severity = scent.threat!.severity ?? 2;
    const disposition = scent.disposition ?? 1;
    const events = this.quarantine.duplicate(item.id, who.group, severity, disposition, now);
    if (events === 0) return;
    this.said.push({
      kind: KIND.DUPLICATE,
      time: now,
      severity,
      disposition,
      flags: threatFlags(scent),
      id: Buffer.from(item.id, 'hex'),
      length: item.payload.length / 2,
      count: events,
      source: who.tag,
    });
  }

  /** `named`: how the sidecar says which signature this is about. */
  #drop(
    now: number,
    scent: ModelScent,
    who: Who,
    reason: number,
    length: number,
    instead: Item | undefined,
    named: Record<string, string> = { category: scent.threat!.category ?? 'unknown' },
  ): string {
    const id = this.ids.make(now);
    this.further.dropped++;
    const due = this.#fold(now, KIND.DROPPED, reason, who);
    if (due) {
      due.severity = scent.threat!.severity ?? 2;
      due.disposition = scent.disposition ?? 1;
      due.flags = (due.flags ?? 0) | threatFlags(scent);
      due.id = Buffer.from(id.slice(0, 32), 'hex');
      due.length = length;
      due.sidecar = instead ? this.acting : said(scent, named);
    }
    return idText(id);
  }

  #end(now: number, item: Item, kind: number, reason: number, act: boolean): void {
    this.#about(now, item, kind, this.quarantine.pending(item.id), reason, act);
    this.quarantine.release(item.id);
  }

  #about(now: number, item: Item, kind: number, count: number, reason: number, act: boolean): void {
    this.said.push({
      kind,
      time: now,
      severity: item.severity,
      disposition: item.disposition,
      flags: this.#marks.get(item)!,
      id: Buffer.from(item.id, 'hex'),
      length: item.payload.length / 2,
      count,
      reason,
      source: Buffer.from(item.tag, 'hex'),
      sidecar: act ? this.acting : undefined,
    });
  }

  /** The caller says who acts. */
  acting: Record<string, string> | undefined;

  // ── limiter ─────────────────────────────────────────────────────────────────────────────────────

  #limit(now: number, who: Who, cost: number, peek: boolean, disposition: number): Record<string, unknown> & Verdict {
    const limiter = this.limiter!;
    limiter.clock.read(now);
    const verdict = limiter.check(who.key, cost, peek, who.tagHex);
    if (!verdict.allowed && !peek) this.further.limited++;
    const reason = verdict.blocked ? 2 : 1;
    if (verdict.account > 0) {
      const source = verdict.several ? { flags: AGGREGATE } : { source: who.tag };
      this.said.push({ kind: KIND.LIMITED, time: now, reason, disposition, count: verdict.account, ...source });
    }
    if (verdict.unrecorded && !verdict.allowed) {
      const due = this.#fold(now, KIND.LIMITED, 1, who);
      if (due) Object.assign(due, { flags: (due.flags ?? 0) | DEGRADED, disposition });
    }
    const { blockMs } = this.#options.rateLimit as { blockMs: number };
    if (verdict.blockStarted) this.#block(now, who, blockMs, 1, undefined);
    const { allowed, blocked, degraded, remaining, resetMs, retryAfterMs } = verdict;
    const rate = { allowed, blocked, limit: limiter.limit, remaining, resetMs, retryAfterMs, degraded };
    return rate as unknown as Record<string, unknown> & Verdict;
  }

  #block(now: number, who: Who, ms: number, reason: number, sidecar: Saying['sidecar']): void {
    this.said.push({ kind: KIND.BLOCKED, time: now, reason, length: Math.ceil(ms / 1_000), source: who.tag, sidecar });
  }

  check(now: number, source: ModelScent['source'], cost: number, peek: boolean): Record<string, unknown> {
    this.#refill();
    return this.#limit(now, this.#who(source), cost, peek, 1);
  }

  reset(now: number, source: ModelScent['source']): void {
    const who = this.#who(source);
    this.limiter!.clock.read(now);
    if (!this.limiter!.reset(who.key)) return;
    this.said.push({ kind: KIND.UNBLOCKED, time: now, reason: 5, source: who.tag, sidecar: this.acting });
  }

  block(now: number, source: ModelScent['source'], ms: number): void {
    const who = this.#who(source);
    this.limiter!.clock.read(now);
    this.#block(now, who, ms, 2, this.acting);
    this.limiter!.block(who.key, ms);
  }

  unblock(now: number, source: ModelScent['source']): boolean {
    const who = this.#who(source);
    this.limiter!.clock.read(now);
    if (!this.limiter!.unblock(who.key)) return false;
    this.said.push({ kind: KIND.UNBLOCKED, time: now, reason: 2, source: who.tag, sidecar: this.acting });
    return true;
  }

  uninspected(now: number, source: ModelScent['source'], disposition: number, reason: number): void {
    const due = this.#fold(now, KIND.UNINSPECTED, reason, this.#who(source));
    if (due) due.disposition = disposition;
  }

  // ── evidence ────────────────────────────────────────────────────────────────────────────────────

  bySignature(signature: string): Item | undefined {
    const [category, hash] = signature.split(':') as [string, string];
    return this.quarantine.find(hash, category);
  }

  read(now: number, item: Item): Uint8Array {
    this.#about(now, item, KIND.ACCESSED, 0, 0, true);
    return Buffer.from(item.payload, 'hex');
  }

  neutralize(now: number, item: Item): void {
    this.#end(now, item, KIND.NEUTRALIZED, 0, true);
  }

  purge(now: number, item: Item, reason: number): void {
    this.#end(now, item, KIND.PURGED, reason, true);
  }

  replace(now: number, old: Item, scent: ModelScent): Answer {
    this.#refill();
    return this.#capture(now, scent, this.#who(scent.source), {}, old);
  }

  /** `order`: UUIDs as the instance purges them. Which of several goes first is nobody's promise. */
  flush(now: number, order: readonly string[]): number {
    const count = this.quarantine.items.length;
    for (const id of order) this.#end(now, this.quarantine.get(id), KIND.PURGED, 7, true);
    return count;
  }

  // ── the log ─────────────────────────────────────────────────────────────────────────────────────

  /** Everything still owed. `order`: slots are walked in an order that is nobody's promise either. */
  settle(now: number, closing: boolean, order: readonly string[]): void {
    for (const index of [...this.#folds.keys()].sort((a, b) => a - b)) {
      const fold = this.#folds.get(index)!;
      if (fold.pending > 0) this.#sayFolded(now, fold);
    }
    for (const id of order) {
      const item = this.quarantine.get(id);
      const pending = this.quarantine.pending(id);
      this.#about(now, item, KIND.DUPLICATE, pending, 0, false);
      item.accounted = item.seen;
    }
    if (!closing) return;
    const owed = this.limiter?.pending ?? 0;
    if (owed > 0) {
      this.said.push({ kind: KIND.LIMITED, time: now, reason: 1, disposition: 1, flags: AGGREGATE, count: owed });
    }
    this.said.push({ kind: KIND.CLOSE, time: now });
  }

  /** Items with repeats that no record named. */
  get owing(): string[] {
    return this.quarantine.items.filter((item) => item.seen > item.accounted).map((item) => item.id);
  }

  makeId(now: number): string {
    this.#refill();
    return idText(this.ids.make(now));
  }

  #fold(now: number, kind: number, reason: number, who: Who): Saying | undefined {
    const index = (Buffer.from(who.group, 'hex').readUInt32LE(0) + kind) & 255;
    let fold = this.#folds.get(index);
    if (fold === undefined || fold.kind !== kind || fold.group !== who.group) {
      if (fold && fold.pending > 0) this.#sayFolded(now, fold);
      fold = { group: who.group, tags: new Set(), kind, reason, count: 0, pending: 0 };
      this.#folds.set(index, fold);
    }
    fold.reason = reason;
    fold.count++;
    fold.pending++;
    fold.tags.add(who.tagHex);
    if (!Number.isInteger(Math.log2(fold.count))) return undefined;
    const saying: Saying = { kind, time: now, reason, count: fold.pending, ...askerOf(fold) };
    fold.pending = 0;
    fold.tags.clear();
    this.said.push(saying);
    return saying;
  }

  #sayFolded(now: number, fold: Fold): void {
    const { kind, reason, pending: count } = fold;
    this.said.push({ kind, time: now, reason, count, ...askerOf(fold) });
    fold.pending = 0;
    fold.tags.clear();
  }

  #who(source: ModelScent['source']): Who {
    const { rateLimit } = this.#options;
    const text = Buffer.from(typeof source === 'string' ? source : source.key);
    const identity = identify(
      typeof source === 'string' ? TEXT : KEY,
      text,
      rateLimit === false ? 56 : rateLimit.ipv6Prefix,
    );
    const tag = createHmac('sha256', this.#tagKey).update(Uint8Array.from(identity.tag)).digest();
    const grouped = Buffer.compare(Buffer.from(identity.tag), Buffer.from(identity.key)) !== 0;
    return {
      tag,
      tagHex: tag.toString('hex'),
      group: grouped ? this.#group(Uint8Array.from(identity.key)) : tag.toString('hex', 0, 8),
      key: Uint8Array.from(identity.key),
      text: Uint8Array.from(canonicalText(identity.tag)),
    };
  }

  #group(key: Uint8Array): string {
    const group = Buffer.alloc(8);
    const [first, second] = halfSipHash(key, this.#groupKey.readUInt32LE(0), this.#groupKey.readUInt32LE(4));
    group.writeUInt32LE(first, 0);
    group.writeUInt32LE(second, 4);
    return group.toString('hex');
  }

  /** The host refills before a call when less than 128 bytes are left. */
  #refill(): void {
    if (this.ids.left < 128) this.ids.feed(this.#options.batches[this.#batch++]!);
  }
}

/** Whose the pending events of a fold are: one address, or several of a group, of which none is named. */
const askerOf = (fold: Fold): { source: Buffer } | { flags: number } =>
  fold.tags.size > 1 ? { flags: AGGREGATE } : { source: Buffer.from([...fold.tags][0]!, 'hex') };

function threatFlags(scent: ModelScent): number {
  return (
    (scent.truncated ? TRUNCATED : 0) |
    (scent.threat!.category === undefined ? CATEGORY_REPLACED : 0) |
    (scent.threat!.severity === undefined ? SEVERITY_REPLACED : 0)
  );
}

/** 48 hex characters as an id is written. */
function idText(hex: string): string {
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
    hex.slice(32),
  ].join('-');
}
