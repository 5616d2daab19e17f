/**
 * The checkers look at everything after every step: the limiter's promise, the chain and the root, the sums, the bounds,
 * and now and then all of memory. Each names what it guards in its message.
 *
 * Relies on: the world for what happened, the models of clock, log and addresses. Refuses: the instance's word for
 * anything it can find out itself.
 */
import { expect } from 'vitest';
import { INBOX_AT, INBOX_BYTES } from '../../assembly/abi';
import type { EvidenceHandle, InterceptResult } from '../../src/index';
import { readRecord } from '../ground';
import { identify, TEXT } from '../model/address';
import { Clock } from '../model/clock';
import { genesisPrev, leafHash, treeHead } from '../model/log';
import { type Event, MARK, type World } from './world';

const INBOX_END = INBOX_AT + INBOX_BYTES;

export class Checkers {
  readonly #world: World;
  readonly #window: Clock;
  /** What each source was admitted, by the window clock and by true time. */
  readonly #admitted = new Map<string, { at: number; trueAt: number; cost: number }[]>();
  /** Every record of this epoch's log that was exported. */
  #leaves: Buffer[] = [];
  #prev: Buffer | undefined;
  #origin = '';
  #sums: Record<string, number> = {};
  #lostSize = 0;
  readonly #answers: Record<string, number> = {};
  #flagged = 0;
  #complete = true;

  constructor(world: World) {
    this.#world = world;
    this.#window = new Clock(world.nature.windowMs);
  }

  after(event: Event, step: number): void {
    const { th } = this.#world.ground;
    this.#limits(event);
    this.#answer(event);
    const held = this.#sumsAndBounds();
    if (!this.#world.nature.lateExports || step % 90 === 0) this.#log();
    expect(th.audit.verify().ok, 'the log proves itself').toBe(true);
    if (step % 10 === 0) this.#memory(held);
  }

  // ── the limiter's promise ───────────────────────────────────────────────────────────────────────

  #limits(event: Event): void {
    const { ground, nature, trueTime } = this.#world;
    // The limiter reads its clock only when it is asked: so does this one.
    if (event.kind === 'other') return;
    const answered = event.kind === 'asked' && (event.result as InterceptResult).status !== 'error';
    if (this.#world.unread && !answered) return;
    this.#window.read(ground.now);
    if (event.kind === 'clocked') return;
    const source = identify(TEXT, Buffer.from(event.source), 56).key.join();
    if (event.kind === 'forgiven') {
      this.#admitted.delete(source);
      return;
    }
    const cost = event.kind === 'charged' ? (event.allowed ? event.cost : 0) : charged(event.result as InterceptResult);
    if (cost === 0) return;
    const spent = this.#admitted.get(source) ?? [];
    spent.push({ at: this.#window.window, trueAt: trueTime, cost });
    this.#admitted.set(source, spent);
    const sum = (entries: { cost: number }[]): number => entries.reduce((total, entry) => total + entry.cost, 0);
    const inWindow = sum(spent.filter(({ at }) => at > this.#window.window - nature.windowMs));
    if (nature.honestClock && this.#world.stopped === 0) {
      const inTrueWindow = sum(spent.filter(({ trueAt }) => trueAt > trueTime - nature.windowMs));
      expect(inTrueWindow, `admitted to ${event.source} in a true window`).toBeLessThanOrEqual(nature.limit);
    }
    expect(inWindow, `admitted to ${event.source} in a window`).toBeLessThanOrEqual(nature.limit);
  }

  // ── answers ─────────────────────────────────────────────────────────────────────────────────────

  #answer(event: Event): void {
    if (event.kind !== 'asked') return;
    const { th } = this.#world.ground;
    const result = event.result as InterceptResult;
    this.#answers[result.status] = (this.#answers[result.status] ?? 0) + 1;
    if (event.flagged) {
      this.#flagged++;
      expect(['clean', 'error'], 'a flagged scent').not.toContain(result.status);
    }
    if (result.status === 'quarantined' || result.status === 'duplicate') {
      expect(th.quarantine.get(result.evidence.signature), 'what is quarantined is held').toEqual(result.evidence);
    }
    if (result.status === 'dropped' && result.signature !== undefined) {
      expect(th.quarantine.has(result.signature), 'what is dropped is not held').toBe(false);
    }
    if (result.status === 'error') expect(this.#world.stopped, 'errors come of panics alone').toBeGreaterThan(0);
  }

  // ── sums and bounds ─────────────────────────────────────────────────────────────────────────────

  #sumsAndBounds(): EvidenceHandle[] {
    const { ground, nature, stopped } = this.#world;
    const { th } = ground;
    const held = th.quarantine.list({ limit: 1_000 });
    const { count, bytes, bySeverity } = th.quarantine.stats;
    const total = (items: EvidenceHandle[]): number => items.reduce((sum, { size }) => sum + size, 0);
    expect({ count, bytes }, 'sums').toEqual({ count: held.length, bytes: total(held) });
    for (const [severity, number] of Object.entries(bySeverity)) {
      expect(number, severity).toBe(held.filter((item) => item.severity === severity).length);
    }
    expect(count <= nature.maxCount && bytes <= nature.maxBytes, 'bounds of the store').toBe(true);
    expect(new Set(held.map(({ id }) => id)).size, 'ids').toBe(count);
    expect(new Set(held.map(({ signature }) => signature)).size, 'signatures').toBe(count);
    const sources = Map.groupBy(held, ({ sourceTag }) => sourceTag);
    for (const items of sources.values()) {
      expect(items.length <= nature.shareCount, 'share of items').toBe(true);
      expect(items.length === 1 || total(items) <= nature.shareBytes, 'share of bytes').toBe(true);
    }
    const snapshot = th.watcher.snapshot();
    expect(snapshot.quarantine.sources).toBe(sources.size);
    expect(snapshot.rateLimiter!.tracked).toBeLessThanOrEqual(nature.maxSources);
    expect(snapshot.core.panics).toBeLessThanOrEqual(stopped);
    for (const [status, number] of Object.entries(this.#answers)) {
      expect(snapshot.totals.byStatus[status as 'clean'], status).toBe(number);
    }
    if (stopped === 0) expect(snapshot.totals.flagged).toBe(this.#flagged);
    expect(ground.memory().length, 'memory never grows').toBe(snapshot.core.memoryBytes);
    return held;
  }

  // ── the log ─────────────────────────────────────────────────────────────────────────────────────

  /** Exports, follows the chain from where it was left, computes the root, releases. */
  #log(): void {
    const { th } = this.#world.ground;
    for (const carried of th.audit.carried()) {
      // An earlier epoch: what was not exported before must follow on what was.
      if (carried.origin === this.#origin) this.#follow(carried.from, carried.records);
      th.audit.releaseCarried(carried.origin);
    }
    const { origin, size, root } = th.audit.head();
    if (origin !== this.#origin) {
      this.#origin = origin;
      this.#leaves = [];
      this.#prev = genesisPrev(origin);
      this.#lostSize = 0;
    }
    const { from, records, details } = th.audit.export();
    this.#follow(from, records);
    records.forEach((record, i) => {
      const { flags, kind } = readRecord(record);
      expect(details[i] !== null, `a sidecar of ${kind}`).toBe((flags & 1) !== 0);
    });
    if (this.#leaves.length === size) expect(treeHead(this.#leaves).toString('hex'), 'root').toBe(root);
    expect(this.#leaves.length + this.#lostSize, 'records and what was lost').toBe(size);
    expect(th.audit.verify().gaps, 'lost').toBe(this.#lostSize);
    th.audit.release(size);
  }

  #follow(from: number, records: readonly Uint8Array[]): void {
    const expected = this.#leaves.length + this.#lostSize;
    if (from > expected) {
      expect(this.#world.nature.lateExports, 'records are lost only when exports are late').toBe(true);
      this.#lostSize += from - expected;
      this.#complete = false;
      this.#prev = undefined;
    }
    let graver: number | undefined;
    for (const record of records) {
      const { kind, prev, count, severity, reason } = readRecord(record);
      if (this.#prev !== undefined) expect(prev, 'link').toBe(this.#prev.toString('hex'));
      this.#prev = leafHash(record);
      this.#leaves.push(this.#prev);
      this.#sums[kind] = (this.#sums[kind] ?? 0) + count;
      // The newcomer for whom somebody left is recorded next; nobody graver may have left for it.
      if (kind === 'EVICTED' && reason === 1) graver = Math.max(graver ?? 0, severity);
      if (kind === 'QUARANTINED') {
        if (graver !== undefined) expect(severity, 'who came for who left').toBeGreaterThanOrEqual(graver);
        graver = undefined;
      }
    }
  }

  // ── memory ──────────────────────────────────────────────────────────────────────────────────────

  /** Every payload that lies in memory belongs to something held. */
  #memory(held: EvidenceHandle[]): void {
    const memory = Buffer.from(this.#world.ground.memory().buffer);
    let found = 0;
    for (let at = memory.indexOf(MARK); at >= 0; at = memory.indexOf(MARK, at + 1)) found++;
    expect(found, 'payloads in memory').toBeLessThanOrEqual(held.length);
    // The last question lies in the inbox until the next one; nothing else may know a source.
    for (const source of ['198.51.', '2001:db8:']) expect(memory.indexOf(source, INBOX_END), source).toBe(-1);
  }

  /** The end: the log is closed, and every flagged request is in exactly one record. */
  async close(): Promise<void> {
    const { th } = this.#world.ground;
    await th.close();
    this.#log();
    const sum = (...kinds: string[]): number => kinds.reduce((total, kind) => total + (this.#sums[kind] ?? 0), 0);
    if (!this.#complete || this.#world.stopped > 0) return;
    const { quarantined = 0, duplicate = 0, dropped = 0, payload_too_large = 0 } = this.#answers;
    expect(sum('QUARANTINED'), 'QUARANTINED').toBe(quarantined);
    expect(sum('DUPLICATE', 'EVICTED', 'NEUTRALIZED', 'PURGED'), 'repeats').toBe(duplicate);
    expect(sum('DROPPED'), 'DROPPED').toBe(dropped + payload_too_large);
    expect(sum('LIMITED'), 'LIMITED').toBeGreaterThanOrEqual(this.#answers.rate_limited ?? 0);
  }
}

/** What an answer says was charged. An error charged nothing that anybody was told of. */
const charged = (result: InterceptResult): number =>
  result.status === 'rate_limited' || result.status === 'error' ? 0 : 1;
