/**
 * One log after the other in a store: which one is the newest, and which one it follows.
 *
 *   latest ──▶ origin of the newest log in the store        each log: checkpoint, tile/… (writer.ts)
 *
 * A log that begins reads `latest`, names the log that it finds there in a RESUME record, and puts its own name in its
 * place by compare-and-swap: so logs form a chain, and one that was removed whole is still named by the next.
 *
 * Relies on: engine's log, a store. Refuses: to trust what the store says of the former log; it is written down as found.
 */
import { type EngineLog, ORIGIN_BYTES_MAX } from '../engine/index';
import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import { CLOSE, KIND } from '../formats/record';
import { sha256 } from '../formats/sha256';
import { sidecar } from '../formats/sidecar';
import { readLastTile } from '../formats/tail';
import { entriesPath, originPath, TILE_WIDTH, unbundle } from '../formats/tlog';
import type { LogStore } from '../types/index';

const LATEST = 'latest';
/** How often another instance may be quicker than we with its name in `latest`. */
const CLAIMS_MAX = 8;
const TOKEN_BYTES = 16;

export interface LatestPort {
  readonly log: EngineLog;
  readonly store: LogStore;
  readonly now: () => number;
  readonly random: (bytes: Uint8Array) => void;
  /** Whether the log of this name is an earlier one of our own, which the PANIC record of the next names already. */
  readonly wasOurs: (origin: string) => boolean;
}

/** A log's turn to be the newest. */
export class Turn {
  readonly #port: LatestPort;
  readonly #origin: string;
  /** Tells our turn from that of a namesake. */
  readonly #token: string;

  constructor(port: LatestPort, origin: string) {
    this.#port = port;
    this.#origin = origin;
    const token = new Uint8Array(TOKEN_BYTES);
    port.random(token);
    this.#token = toHex(token);
  }

  /** Makes this log the newest of the store. `continues`: somebody else began it, and it may have been the newest before. */
  async take(continues: boolean): Promise<void> {
    const { store, log, now, wasOurs } = this.#port;
    const origin = this.#origin;
    const ours = `${origin}\n${this.#token}\n`;
    for (let attempt = 0; attempt < CLAIMS_MAX; attempt++) {
      const found = await store.get(LATEST);
      const said = found === undefined ? undefined : new TextDecoder().decode(found);
      if (said === ours) return;
      const latest = said === undefined ? undefined : nameIn(said);
      if (!continues && (latest === origin || (await this.#isTaken()))) throw taken();
      // The core may have panicked meanwhile: then this log has ended, and the next one speaks for itself.
      if (log.link(now()).origin !== origin) return;
      if (latest !== undefined && latest !== origin && !wasOurs(latest)) this.#resume(await this.#predecessor(latest));
      if ((await store.swap(LATEST, new TextEncoder().encode(ours), found)) === 'swapped') return;
    }
    throw new TracehoundError(
      'LOG_CONFLICT',
      `store: latest is contended, expected a turn in ${CLAIMS_MAX}, got none`,
      { recoverable: true },
    );
  }

  async #isTaken(): Promise<boolean> {
    return (await this.#port.store.get(`${originPath(this.#origin)}/checkpoint`)) !== undefined;
  }

  #resume({ origin, size, root, ended, checkpoint }: Predecessor): void {
    const { log, now, random } = this.#port;
    const said = { origin, size, ended, ...(checkpoint === undefined ? {} : { checkpoint }) };
    log.append(now(), 'resume', { size, overlay: root, detail: sidecar(said, random) });
  }

  /** What the store holds of the log that `latest` names, as far as it can be read: it may hold anything. */
  async #predecessor(origin: string): Promise<Predecessor> {
    const nothing: Predecessor = { origin, size: 0, root: new Uint8Array(32), ended: 'unknown', checkpoint: undefined };
    const get = (path: string): Promise<Uint8Array | undefined> =>
      this.#port.store.get(`${originPath(origin)}/${path}`);
    const note = await get('checkpoint');
    if (note === undefined) return nothing;
    let head: ReturnType<typeof parseCheckpoint>;
    try {
      head = parseCheckpoint(parseNote(note).text);
    } catch {
      return nothing;
    }
    const last = await lastRecord(get, head.size);
    const ended = last == null ? 'unknown' : last[KIND] === CLOSE ? 'closed' : 'open';
    return { origin, size: head.size, root: head.root, ended, checkpoint: toHex(sha256(note)) };
  }
}

async function lastRecord(
  get: (path: string) => Promise<Uint8Array | undefined>,
  size: number,
): Promise<Uint8Array | null | undefined> {
  if (size % TILE_WIDTH !== 0) return (await readLastTile(get, size))?.records.at(-1);
  return size === 0 ? undefined : unbundle(await get(entriesPath(size / TILE_WIDTH - 1, TILE_WIDTH))).at(-1);
}

/** The name of the newest log, as `latest` says it; whatever is too long for a name is none. */
function nameIn(latest: string): string {
  const [name = ''] = latest.split('\n');
  return name.length <= ORIGIN_BYTES_MAX ? name : '';
}

const taken = (): TracehoundError =>
  new TracehoundError(
    'LOG_CONFLICT',
    'audit.origin: in use, expected a name that has no log in this store (or openLog and `storedLog.resume`), got one that has',
  );

interface Predecessor {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly ended: 'closed' | 'open' | 'unknown';
  /** SHA-256 of the signed note, hex. */
  readonly checkpoint: string | undefined;
}
