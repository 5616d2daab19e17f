/**
 * Replays a trace on one instance, then on one that inherits its snapshot, and says what became of them: a digest of the
 * state arena, the root of the log, a digest of every answer given on the way.
 *
 * Relies on: the world of the seed, and the core and digest of the runtime that is looked at. Refuses: judgement; the
 * reports leave the engine and are compared outside.
 */
import { openSnapshot } from '../../src/instance/image';
import { wire } from '../../src/tracehound';
import type { InterceptResult, Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';
import { type Act, PROFILES, type ProfileName, type Step, trace } from './trace';
import { hex, sha256, World } from './world';

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

/** What became of one life. */
export interface ReplayReport extends End {
  readonly mode: Mode;
  readonly profile: ProfileName;
  readonly count: number;
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

/** Which life is replayed. */
export interface ReplayOptions {
  readonly seed: number;
  /** Requests of a crowd; steps where there is none. */
  readonly count: number;
  readonly profile?: ProfileName;
  readonly mode?: Mode;
  /** Makes the instance; default `wire`. */
  readonly make?: (runtime: Runtime, options: TracehoundOptions) => Promise<Tracehound>;
  /** Asked before each step for the instance to go on with; default the same. */
  readonly before?: (th: Tracehound, world: World) => Promise<Tracehound>;
}

/** The lives that take every door. The modes are compared where waiting could charge otherwise: with a limiter or none. */
export const LIVES: readonly [ProfileName, Mode][] = [
  ['limited', 'intercept'],
  ['limited', 'interceptAsync'],
  ['unlimited', 'intercept'],
  ['unlimited', 'interceptAsync'],
  ['medium', 'intercept'],
  ['wide', 'interceptAsync'],
];

/** Steps of the instance that inherits. */
const HEIR_STEPS = 60;

/** One life. Equal options give equal reports on every runtime, but for `core`, `sealed` and `ms`. */
export async function replay(runtime: Runtime, options: ReplayOptions): Promise<ReplayReport> {
  const { seed, count, profile = 'crowd', mode = 'interceptAsync' } = options;
  const { make = async (...of) => wire(...of), before } = options;
  const began = runtime.now();
  const world = new World(runtime, seed);
  const player = new Player(world, mode);
  const { crowd } = PROFILES[profile];
  const given: TracehoundOptions = { ...PROFILES[profile].options, secret: world.secret };

  const th = await player.playAll(await make(world.runtime, given), trace(seed, count, crowd), before);
  const end = await endOf(th, world);

  const image = await th.snapshot({ unsealed: true });
  const opened = await openSnapshot(image, { secret: world.secret, unsealed: true });
  const heir = wire(world.runtime, { ...given, restore: opened });
  await player.playAll(heir, trace(seed + 1, HEIR_STEPS, crowd));
  return {
    mode,
    profile,
    count,
    ...end,
    image: await sha256(image),
    heir: await endOf(heir, world),
    core: world.kind,
    answers: await player.answers.end(),
    census: player.census,
    drawn: world.drawn,
    sealed: await th.snapshot().then(sha256, (error: { code?: string }) => `${error.code}`),
    ms: runtime.now() - began,
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

/** SHA-256 over texts, in links of a chain: ten thousand answers are more than an engine should keep at once. */
class Digest {
  #link = '';
  #texts = '';

  async add(text: string): Promise<void> {
    this.#texts += text;
    if (this.#texts.length > 65_536) await this.end();
  }

  async end(): Promise<string> {
    this.#link = await sha256(this.#link + this.#texts);
    this.#texts = '';
    return this.#link;
  }
}

/** Carries out one act after the other, and remembers the signatures that later acts point to. */
class Player {
  readonly census: Record<string, number> = {};
  readonly answers: Digest = new Digest();
  readonly #world: World;
  readonly #mode: Mode;
  readonly #seen: string[] = [];

  constructor(world: World, mode: Mode) {
    this.#world = world;
    this.#mode = mode;
  }

  /** Answers the instance that was asked last. */
  async playAll(first: Tracehound, steps: readonly Step[], before?: ReplayOptions['before']): Promise<Tracehound> {
    let th = first;
    for (const { ms, act } of steps) {
      this.#world.now += ms;
      if (before !== undefined) th = await before(th, this.#world);
      await this.answers.add(`${act.do} ${await this.#play(th, act)}\n`);
    }
    return th;
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
