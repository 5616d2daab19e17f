/**
 * Replays the trace on one instance and says what became of it: a digest of the state arena, the root of the log, and a
 * digest of every answer given on the way. This file is bundled into each engine together with the published package.
 *
 * Relies on: TextEncoder and `crypto.subtle`, which every target has. Refuses: the platform's clock and randomness; both
 * come from the seed, through a Runtime of its own that also keeps the core, to look at its memory afterwards.
 */
import * as abi from '../../assembly/abi';
import type { CoreInstance, InterceptResult, Runtime, Tracehound, TracehoundOptions } from '../../src/types';
import { type Act, Dice, LIMITS, type Limits, OPTIONS, trace } from './trace';

/** What an engine brings: the package's door, and one of its cores. */
export interface Ground {
  createTracehound(options: TracehoundOptions): Tracehound;
  core: Runtime['core'];
  coreDigest: string;
  /** A synchronous SHA-256, where the platform has one. It must change nothing. */
  digest?: Runtime['digest'];
}

export type Mode = 'intercept' | 'interceptAsync';

export interface Report {
  readonly mode: Mode;
  readonly limits: Limits;
  /** `js`: the core runs without WebAssembly. */
  readonly core: 'wasm' | 'js';
  /** SHA-256 of [STATE_FROM, STATE_TO) after `audit.flush`, hex. */
  readonly state: string;
  readonly stateBytes: number;
  readonly size: number;
  readonly root: string;
  /** SHA-256 of the text of every answer, hex. */
  readonly answers: string;
  /** Bytes of entropy drawn. */
  readonly drawn: number;
  /** Calls of each door, and how often each verdict was given. */
  readonly census: Readonly<Record<string, number>>;
  /** By the engine's own clock. */
  readonly ms: number;
  /** Cores that stopped and were replaced. */
  readonly panics: number;
}

const START = 1_760_000_000_000;
const encoder = new TextEncoder();

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const sha256 = async (bytes: Uint8Array): Promise<string> =>
  hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)));

/** Results as text: bytes in hex, errors by what our own code says about them. */
function text(result: unknown): string {
  const written = JSON.stringify(result, (_, value: unknown) => {
    if (value instanceof Uint8Array) return hex(value);
    if (value instanceof Error) return `${value.name} ${(value as { code?: string }).code} ${value.message}`;
    return value;
  });
  return written ?? 'undefined';
}

/** What each engine is asked for. The modes are compared where waiting could charge otherwise: with a limiter or none. */
export const LIVES: readonly [Limits, Mode][] = [
  ['limited', 'intercept'],
  ['limited', 'interceptAsync'],
  ['unlimited', 'intercept'],
  ['unlimited', 'interceptAsync'],
  ['medium', 'intercept'],
  ['wide', 'interceptAsync'],
];

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  intercept(now: number): number;
}

/** Whether the request in the inbox carries a threat: those the host asks about again when the core stops. */
function flagged({ buffer }: Exports['memory']): boolean {
  return (new DataView(buffer).getUint32(abi.INBOX_AT + abi.INBOX_FLAGS, true) & abi.IN_THREAT) !== 0;
}

/** All lives, as JSON, because the reports leave the engine as text. */
export async function replayAll(ground: Ground, seed: number, count: number): Promise<string> {
  const reports: Report[] = [];
  for (const [limits, mode] of LIVES) reports.push(await replay(ground, mode, limits, seed, count));
  return JSON.stringify(reports);
}

async function replay(ground: Ground, mode: Mode, limits: Limits, seed: number, count: number): Promise<Report> {
  const began = Date.now();
  const dice = new Dice(seed ^ 0x5eed);
  let now = START;
  let drawn = 0;
  let core: CoreInstance | undefined;
  let stopping = false;
  const secret = new Uint8Array(32);
  dice.fill(secret);
  const runtime: Runtime = {
    name: 'slice',
    clockSource: 'trace',
    coreDigest: ground.coreDigest,
    core: () => {
      const { exports } = ground.core();
      const { memory, intercept } = exports as unknown as Exports;
      const stoppable = (at: number): number => {
        if (!stopping || !flagged(memory)) return intercept(at);
        stopping = false;
        throw new Error('stopped by the trace');
      };
      core = { exports: { ...exports, intercept: stoppable } };
      return core;
    },
    now: () => now,
    random: (bytes) => {
      dice.fill(bytes);
      drawn += bytes.length;
    },
    defer: () => {},
    source: () => undefined,
    ...(ground.digest && { digest: ground.digest }),
  };
  const th = ground.createTracehound({ ...OPTIONS, rateLimit: LIMITS[limits], secret, runtime });
  const player = new Player(th, mode, () => {
    stopping = true;
  });
  const answers: string[] = [];
  for (const step of trace(seed, count)) {
    now += step.ms;
    answers.push(`${step.act.do} ${await player.play(step.act)}`);
  }
  await th.audit.flush();
  const { size, root } = th.audit.head();
  const { memory } = (core as CoreInstance).exports as unknown as Exports;
  const header = new DataView(memory.buffer, abi.HEADER_AT);
  const from = header.getUint32(abi.HEADER_STATE_FROM, true);
  const to = header.getUint32(abi.HEADER_STATE_TO, true);
  return {
    mode,
    limits,
    // By its tag, not by instanceof: where the module was compiled outside the sandbox, the class is another.
    core: Object.prototype.toString.call(memory) === '[object WebAssembly.Memory]' ? 'wasm' : 'js',
    state: await sha256(new Uint8Array(memory.buffer, from, to - from)),
    stateBytes: to - from,
    size,
    root,
    answers: await sha256(encoder.encode(answers.join('\n'))),
    drawn,
    census: player.census,
    panics: th.watcher.snapshot().core.panics,
    ms: Date.now() - began,
  };
}

/** Carries out one act after the other, and remembers the signatures that later acts point to. */
class Player {
  readonly census: Record<string, number> = {};
  readonly #th: Tracehound;
  readonly #mode: Mode;
  readonly #stop: () => void;
  readonly #seen: string[] = [];

  constructor(th: Tracehound, mode: Mode, stop: () => void) {
    this.#th = th;
    this.#mode = mode;
    this.#stop = stop;
  }

  /** The answer as text. An error thrown is an answer too: every engine must refuse the same. */
  async play(act: Act): Promise<string> {
    this.#count(act.do);
    let result: unknown;
    try {
      result = await this.#act(act);
    } catch (error) {
      this.#count('threw');
      result = error;
    }
    return text(result);
  }

  #count(what: string): void {
    this.census[what] = (this.census[what] ?? 0) + 1;
  }

  #signature(which: number): string {
    return this.#seen[which % Math.max(1, this.#seen.length)] ?? `none:${'0'.repeat(64)}`;
  }

  #remember(result: InterceptResult): InterceptResult {
    this.#count(result.status === 'dropped' ? `dropped ${result.reason}` : result.status);
    if (result.status === 'quarantined') this.#seen.push(result.evidence.signature);
    return result;
  }

  async #act(act: Act): Promise<unknown> {
    const { audit, quarantine, rateLimiter } = this.#th;
    switch (act.do) {
      case 'intercept':
        return this.#remember(await this.#th[this.#mode](act.scent));
      case 'receipt': {
        const rate = rateLimiter.check(act.scent.source);
        return this.#remember(await this.#th[this.#mode]({ ...act.scent, rate }));
      }
      case 'check':
      case 'peek':
        return rateLimiter[act.do](act.source, act.cost);
      case 'reset':
      case 'unblock':
        return rateLimiter[act.do](act.source);
      case 'block':
        return rateLimiter.block(act.source, act.ms, { actor: 'operator', purpose: 'slice' });
      case 'read':
      case 'neutralize':
        return quarantine[act.do](this.#signature(act.which), {
          actor: 'analyst',
          purpose: 'slice',
          case: `№ ${act.which}`,
        });
      case 'get':
        return quarantine.get(this.#signature(act.which));
      case 'find':
        return quarantine.find(quarantine.get(this.#signature(act.which))?.id ?? '');
      case 'purge':
        return quarantine.purge(this.#signature(act.which), act.reason);
      case 'replace':
        return this.#remember(quarantine.replace(this.#signature(act.which), act.scent));
      case 'settle':
        return audit.flush();
      case 'verify':
        return audit.verify();
      case 'export':
        return audit.export();
      case 'release':
        return audit.release(audit.head().size);
      case 'list':
        return quarantine.list();
      case 'flush':
        return quarantine.flush();
      case 'id':
        return this.#th.id();
      case 'watch':
        return this.#th.watcher.snapshot();
      case 'stop':
        return this.#stop();
    }
  }
}
