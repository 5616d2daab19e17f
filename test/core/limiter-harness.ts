/**
 * The core's limiter on either build, alone in its memory: keys in, verdicts out, state read back through the header.
 */
import * as abi from '../../assembly/abi.ts';
import { instantiate as instantiateWasm } from '../../build/testing.inline.js';
import { instantiate as instantiateJs } from '../../build/testing.js.js';
import type { LimiterOptions, Verdict } from '../model/limiter.ts';

export const BUILDS: [string, typeof instantiateWasm][] = [
  ['wasm', instantiateWasm],
  ['js', instantiateJs],
];

type Exports = Record<string, (...args: number[]) => number> & { memory: WebAssembly.Memory };

const KEY_AT = abi.INBOX_AT + abi.INBOX_SOURCE;

/** As the model: default hash key 00 01 … 07. */
export class CoreLimiter {
  readonly call: Exports;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly options: LimiterOptions;

  constructor(instantiate: typeof instantiateWasm, options: LimiterOptions) {
    this.options = options;
    this.call = instantiate().exports as unknown as Exports;
    const config = new DataView(this.call.memory.buffer, abi.CONFIG_AT);
    config.setFloat64(abi.CONFIG_WINDOW_MS, options.windowMs, true);
    config.setFloat64(abi.CONFIG_BLOCK_MS, options.blockMs ?? 0, true);
    config.setUint32(abi.CONFIG_LIMIT, options.limit, true);
    config.setUint32(abi.CONFIG_MAX_SOURCES, options.maxSources, true);
    this.call.limiterOpen!();
    this.view = new DataView(this.call.memory.buffer);
    this.bytes = new Uint8Array(this.call.memory.buffer);
    if (options.limit === 0) return;
    this.view.setUint32(KEY_AT, options.key0 ?? 0x03020100, true);
    this.view.setUint32(KEY_AT + 4, options.key1 ?? 0x07060504, true);
    this.call.limiterSeed!(KEY_AT);
    // A narrower sketch than the core would choose, so that sources share cells.
    if (options.width) this.setU32(abi.LIMITER_SKETCH_WIDTH, options.width);
  }

  header(offset: number): number {
    return this.view.getUint32(abi.HEADER_AT + offset, true);
  }

  u32(offset: number): number {
    return this.view.getUint32(this.header(abi.HEADER_LIMITER) + offset, true);
  }

  setU32(offset: number, value: number): void {
    this.view.setUint32(this.header(abi.HEADER_LIMITER) + offset, value, true);
  }

  f64(offset: number): number {
    return this.view.getFloat64(this.header(abi.HEADER_LIMITER) + offset, true);
  }

  clock(now: number): void {
    this.call.limiterClock!(now);
  }

  check(key: string | Uint8Array, cost = 1, peek = false): Verdict {
    this.call.limiterCheck!(KEY_AT, this.write(key), cost, peek ? 1 : 0);
    const rate = this.view.getUint32(abi.OUTBOX_AT + abi.OUTBOX_RATE, true);
    const times = this.options.times !== false;
    return {
      allowed: (rate & abi.RATE_ALLOWED) !== 0,
      blocked: (rate & abi.RATE_BLOCKED) !== 0,
      degraded: (rate & abi.RATE_DEGRADED) !== 0,
      remaining: this.view.getUint32(abi.OUTBOX_AT + abi.OUTBOX_REMAINING, true),
      resetMs: times ? this.view.getFloat64(abi.OUTBOX_AT + abi.OUTBOX_RESET_MS, true) : Number.NaN,
      retryAfterMs: times ? this.view.getFloat64(abi.OUTBOX_AT + abi.OUTBOX_RETRY_MS, true) : Number.NaN,
      account: this.call.limiterAccount!(),
      unrecorded: this.call.limiterUnrecorded!() !== 0,
      blockStarted: this.call.limiterBlockStarted!() !== 0,
      several: this.call.limiterSeveral!() !== 0,
    };
  }

  /** Only the answer, for long runs. */
  admits(key: string): boolean {
    return this.call.limiterCheck!(KEY_AT, this.write(key), 1, 0) !== 0;
  }

  reset(key: string): boolean {
    return this.call.limiterReset!(KEY_AT, this.write(key)) === 1;
  }

  block(key: string, ms: number): void {
    this.call.limiterBlock!(KEY_AT, this.write(key), ms);
  }

  unblock(key: string): boolean {
    return this.call.limiterUnblock!(KEY_AT, this.write(key)) === 1;
  }

  orphans(): number {
    return this.call.limiterOrphans!();
  }

  get state() {
    return {
      window: this.f64(abi.LIMITER_WINDOW),
      forward: this.f64(abi.LIMITER_FORWARD),
      tracked: this.u32(abi.LIMITER_TRACKED),
      evictions: this.f64(abi.LIMITER_EVICTIONS),
      pending: this.f64(abi.LIMITER_REFUSALS_PENDING),
      orphaned: this.f64(abi.LIMITER_REFUSALS_ORPHANED),
      pressure: this.u32(abi.LIMITER_PRESSURE_LAST),
    };
  }

  /** All of memory; hand it back to try the future twice. */
  save(): Uint8Array {
    return this.bytes.slice();
  }

  load(saved: Uint8Array): void {
    this.bytes.set(saved);
  }

  private write(key: string | Uint8Array): number {
    for (let i = 0; i < key.length; i++) this.bytes[KEY_AT + i] = typeof key === 'string' ? key.charCodeAt(i) : key[i]!;
    return key.length;
  }
}
