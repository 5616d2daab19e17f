/**
 * Replays the trace on one instance, then on one that inherits its snapshot, and says what became of them: a digest of
 * the state arena, the root of the log, a digest of every answer given on the way. Bundled into each engine together
 * with the published package.
 *
 * Relies on: the world of the seed. Refuses: judgement; the reports leave the engine and are compared outside.
 */
import type {
  InterceptResult,
  OpenedSnapshot,
  OpenSnapshotOptions,
  Tracehound,
  TracehoundOptions,
} from '../../src/types';
import { type Act, LIMITS, type Limits, OPTIONS, type Step, trace } from './trace';
import { hex, type Platform, sha256, World } from './world';

/** The package, as it resolves on the platform. */
export interface Ground extends Platform {
  createTracehound(options: TracehoundOptions): Tracehound;
  openSnapshot(bytes: Uint8Array, options: OpenSnapshotOptions): Promise<OpenedSnapshot>;
}

export type Mode = 'intercept' | 'interceptAsync';

/** How an instance ended, after `audit.flush`. */
interface End {
  readonly state: string;
  readonly stateBytes: number;
  readonly size: number;
  readonly root: string;
  readonly verified: boolean;
  /** Cores that stopped and were replaced. */
  readonly panics: number;
}

export interface Report extends End {
  readonly mode: Mode;
  readonly limits: Limits;
  readonly core: World['kind'];
  /** SHA-256 of the text of every answer. */
  readonly answers: string;
  /** Calls of each door, and how often each verdict was given. */
  readonly census: Readonly<Record<string, number>>;
  /** SHA-256 of an unsealed snapshot, and the end of the instance that began from it. */
  readonly image: string;
  readonly heir: End;
  /** Bytes of entropy drawn. */
  readonly drawn: number;
  /** SHA-256 of a sealed snapshot, or the code of the error where the platform cannot seal. */
  readonly sealed: string;
  /** By the engine's own clock. */
  readonly ms: number;
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

/** Steps of the instance that inherits. */
const HEIR_STEPS = 60;

/** All lives, as JSON, because the reports leave the engine as text. */
export async function replayAll(ground: Ground, seed: number, count: number): Promise<string> {
  const reports: Report[] = [];
  for (const [limits, mode] of LIVES) reports.push(await replay(ground, mode, limits, seed, count));
  return JSON.stringify(reports);
}

async function replay(ground: Ground, mode: Mode, limits: Limits, seed: number, count: number): Promise<Report> {
  const began = Date.now();
  const world = new World(ground, seed);
  const { runtime, secret } = world;
  const player = new Player(world, mode);
  const options = { ...OPTIONS, rateLimit: LIMITS[limits], secret, runtime };

  const th = ground.createTracehound(options);
  await player.playAll(th, trace(seed, count));
  const end = await endOf(th, world);

  const image = await th.snapshot({ unsealed: true });
  const opened = await ground.openSnapshot(image, { secret, unsealed: true });
  const heir = ground.createTracehound({ ...options, restore: opened });
  await player.playAll(heir, trace(seed + 1, HEIR_STEPS));
  return {
    mode,
    limits,
    ...end,
    image: await sha256(image),
    heir: await endOf(heir, world),
    core: world.kind,
    answers: await sha256(player.answers.join('\n')),
    census: player.census,
    drawn: world.drawn,
    sealed: await th.snapshot().then(sha256, (error: { code?: string }) => `${error.code}`),
    ms: Date.now() - began,
  };
}

async function endOf(th: Tracehound, world: World): Promise<End> {
  await th.audit.flush();
  const { size, root } = th.audit.head();
  const { panics } = th.watcher.snapshot().core;
  return { size, root, verified: th.audit.verify().ok, panics, ...(await world.state()) };
}

/** Results as text: bytes in hex, errors by what our own code says about them. */
function text(result: unknown): string {
  const written = JSON.stringify(result, (_, value: unknown) => {
    if (value instanceof Uint8Array) return hex(value);
    if (value instanceof Error) return `${value.name} ${(value as { code?: string }).code} ${value.message}`;
    return value;
  });
  return written ?? 'undefined';
}

/** Carries out one act after the other, and remembers the signatures that later acts point to. */
class Player {
  readonly census: Record<string, number> = {};
  readonly answers: string[] = [];
  readonly #world: World;
  readonly #mode: Mode;
  readonly #seen: string[] = [];

  constructor(world: World, mode: Mode) {
    this.#world = world;
    this.#mode = mode;
  }

  async playAll(th: Tracehound, steps: readonly Step[]): Promise<void> {
    for (const { ms, act } of steps) {
      this.#world.now += ms;
      this.answers.push(`${act.do} ${await this.#play(th, act)}`);
    }
  }

  /** The answer as text. An error thrown is an answer too: every engine must refuse the same. */
  async #play(th: Tracehound, act: Act): Promise<string> {
    this.#count(act.do);
    let result: unknown;
    try {
      result = await this.#act(th, act);
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

  async #act(th: Tracehound, act: Act): Promise<unknown> {
    const { audit, quarantine, rateLimiter } = th;
    switch (act.do) {
      case 'intercept':
        return this.#remember(await th[this.#mode](act.scent));
      case 'receipt': {
        const rate = rateLimiter.check(act.scent.source);
        return this.#remember(await th[this.#mode]({ ...act.scent, rate }));
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
        return th.id();
      case 'watch':
        return th.watcher.snapshot();
      case 'stop':
        return this.#world.stop();
    }
  }
}
