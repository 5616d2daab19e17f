/**
 * The world that the trace is played in: clock, randomness and the runtime around them come from one seed. It keeps the
 * core that runs, to look at its memory afterwards, and can make it stop.
 *
 * Relies on: `crypto.subtle`, which every target has. Refuses: everything the platform could answer in its own way.
 */
import * as abi from '../../assembly/abi';
import type { CoreInstance, Runtime } from '../../src/types/index';
import { Dice } from './trace';

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  intercept(now: number): number;
}

export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export async function sha256(data: Uint8Array | string): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)));
}

/** Whether the request in the inbox carries a threat: those the host asks about again when the core stops. */
function flagged({ buffer }: Exports['memory']): boolean {
  return (new DataView(buffer).getUint32(abi.INBOX_AT + abi.INBOX_FLAGS, true) & abi.IN_THREAT) !== 0;
}

export class World {
  readonly runtime: Runtime;
  readonly secret: Uint8Array = new Uint8Array(32);
  now = 1_760_000_000_000;
  /** Bytes of randomness handed out. */
  drawn = 0;
  #stopping = false;
  #core: CoreInstance | undefined;

  constructor(platform: Runtime, seed: number) {
    const dice = new Dice(seed ^ 0x5eed);
    dice.fill(this.secret);
    this.runtime = {
      name: 'slice',
      clockSource: 'trace',
      coreDigest: platform.coreDigest,
      core: () => this.#wrap(platform.core()),
      now: () => this.now,
      random: (bytes) => {
        dice.fill(bytes);
        this.drawn += bytes.length;
      },
      defer: () => {},
      source: () => undefined,
      ...(platform.digest && { digest: platform.digest }),
    };
  }

  /** The core has yet to fail. */
  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Makes the core fail in the next request that carries a threat. */
  stop(): void {
    this.#stopping = true;
  }

  #wrap({ exports }: CoreInstance): CoreInstance {
    const { memory, intercept } = exports as unknown as Exports;
    const stoppable = (now: number): number => {
      if (!this.#stopping || !flagged(memory)) return intercept(now);
      this.#stopping = false;
      throw new Error('stopped by the trace');
    };
    this.#core = { exports: { ...exports, intercept: stoppable } };
    return this.#core;
  }

  /** `js`: the core that runs needs no WebAssembly. */
  get kind(): 'wasm' | 'js' {
    // By its tag, not by instanceof: where the module was compiled outside the sandbox, the class is another.
    return Object.prototype.toString.call(this.#memory) === '[object WebAssembly.Memory]' ? 'wasm' : 'js';
  }

  /** SHA-256 of the state that equal runs share, [STATE_FROM, STATE_TO) of the core that runs, and its size. */
  async state(): Promise<{ state: string; stateBytes: number }> {
    const { buffer } = this.#memory;
    const header = new DataView(buffer, abi.HEADER_AT);
    const from = header.getUint32(abi.HEADER_STATE_FROM, true);
    const stateBytes = header.getUint32(abi.HEADER_STATE_TO, true) - from;
    return { state: await sha256(new Uint8Array(buffer, from, stateBytes)), stateBytes };
  }

  get #memory(): Exports['memory'] {
    return ((this.#core as CoreInstance).exports as unknown as Exports).memory;
  }
}
