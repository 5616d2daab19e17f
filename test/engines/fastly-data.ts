/**
 * What outlives a request on Fastly Compute, as the host of the tests keeps it: KV stores, config and secret stores, rate
 * counters and penalty boxes, and the host calls of the public ABI by which a program reaches them.
 *
 * Relies on: nothing. Refuses: to be the platform. Everything here is exact and at once; the real stores answer late, and the
 * real counters under-count. Calls that are not here answer `unsupported`.
 */

/** `fastly_status` of the ABI. */
export const OK = 0;
const INVALID = 2;
export const BAD_HANDLE = 3;
export const BUFFER_LENGTH = 4;
export const UNSUPPORTED = 5;
const NONE = 10;

/** `kv_error` of the ABI. */
const KV_OK = 1;
const KV_NOT_FOUND = 3;
const KV_PRECONDITION_FAILED = 4;
const KV_TOO_MANY_REQUESTS = 7;
/** `kv_insert_mode`, and the bits of what else an insertion carries. */
const KV_MODES = ['overwrite', 'add'] as const;
const KV_HAS_METADATA = 8;
const KV_UNDERSTOOD = KV_HAS_METADATA;

export type HostCall = (...args: number[]) => number;

export const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** The memory of one instance. */
export class Memory {
  of!: WebAssembly.Memory;

  get bytes(): Uint8Array {
    return new Uint8Array(this.of.buffer);
  }

  get view(): DataView {
    return new DataView(this.of.buffer);
  }

  text(at: number, size: number): string {
    return Buffer.from(this.bytes.subarray(at, at + size)).toString('latin1');
  }

  put32(at: number, value: number): number {
    this.view.setUint32(at, value, true);
    return OK;
  }

  /** What does not fit is not written: the caller asks again with as much room as it is told. */
  write(bytes: Uint8Array, at: number, room: number, length: number): number {
    this.put32(length, bytes.length);
    if (bytes.length > room) return BUFFER_LENGTH;
    this.bytes.set(bytes, at);
    return OK;
  }
}

export interface KvObject {
  readonly bytes: Uint8Array;
  readonly metadata: Uint8Array;
}

export type KvAct = 'get' | 'add' | 'overwrite';

export class FastlyData {
  readonly kv: Map<string, Map<string, KvObject>> = new Map();
  readonly secrets: Map<string, Map<string, Uint8Array>> = new Map();
  readonly config: Map<string, Map<string, string>> = new Map();
  /** When each request of an entry was counted; when an entry leaves a penalty box. */
  readonly counts: Map<string, number[]> = new Map();
  readonly boxes: Map<string, number> = new Map();
  now: () => number = Date.now;
  /** Told of every object that is put into a KV store. */
  kept: (key: string, bytes: Uint8Array) => void = () => {};
  /** Answers `true` where the store shall say that there were too many requests. */
  refuses: (act: KvAct, key: string) => boolean = () => false;
}

/** Bodies of the visit, by handle. */
export interface Bodies {
  read(handle: number): Uint8Array;
  make(bytes: Uint8Array): number;
}

export function dataCalls(data: FastlyData, memory: Memory, bodies: Bodies): Record<string, Record<string, HostCall>> {
  return {
    fastly_kv_store: kvCalls(data, memory, bodies),
    fastly_secret_store: secretCalls(data, memory),
    fastly_config_store: configCalls(data, memory),
    fastly_erl: rateCalls(data, memory),
  };
}

/** `open` of one kind of store; each kind has its own status for a name that nobody knows. */
function opener<S>(stores: ReadonlyMap<string, S>, unknown: number, memory: Memory): [open: HostCall, opened: S[]] {
  const opened: S[] = [];
  const open: HostCall = (at, size, out) => {
    const store = stores.get(memory.text(at!, size!));
    return store === undefined ? unknown : memory.put32(out!, opened.push(store) - 1);
  };
  return [open, opened];
}

function kvCalls(data: FastlyData, memory: Memory, bodies: Bodies): Record<string, HostCall> {
  const [open, stores] = opener(data.kv, INVALID, memory);
  /** What a pending call will answer. Handles begin high, so that they are no bodies. */
  const pending = new Map<number, { error: number; found?: KvObject | undefined }>();
  const wait = (out: number, answer: { error: number; found?: KvObject | undefined }): number => {
    const handle = 1_000_000 + pending.size;
    pending.set(handle, answer);
    return memory.put32(out, handle);
  };
  return {
    open,
    lookup: (handle, at, size, _mask, _config, out) => {
      const key = memory.text(at!, size!);
      if (data.refuses('get', key)) return wait(out!, { error: KV_TOO_MANY_REQUESTS });
      const found = stores[handle!]?.get(key);
      return wait(out!, { error: found === undefined ? KV_NOT_FOUND : KV_OK, found });
    },
    lookup_wait_v2: (handle, bodyOut, metadataAt, room, length, generation, errorOut) => {
      const { error, found } = pending.get(handle!) ?? {};
      if (error === undefined) return BAD_HANDLE;
      memory.put32(errorOut!, error);
      memory.put32(length!, 0);
      if (found === undefined) return OK;
      const status = memory.write(found.metadata, metadataAt!, room!, length!);
      if (status !== OK) return status;
      memory.view.setBigUint64(generation!, 1n, true);
      return memory.put32(bodyOut!, bodies.make(found.bytes.slice()));
    },
    insert: (handle, at, size, body, mask, config, out) => {
      const store = stores[handle!];
      const mode = KV_MODES[memory.view.getUint32(config!, true)];
      if (store === undefined) return BAD_HANDLE;
      if (mode === undefined || (mask! & ~KV_UNDERSTOOD) !== 0) return UNSUPPORTED;
      const key = memory.text(at!, size!);
      if (data.refuses(mode, key)) return wait(out!, { error: KV_TOO_MANY_REQUESTS });
      if (mode === 'add' && store.has(key)) return wait(out!, { error: KV_PRECONDITION_FAILED });
      const [from, length] = [memory.view.getUint32(config! + 8, true), memory.view.getUint32(config! + 12, true)];
      const metadata = (mask! & KV_HAS_METADATA) === 0 ? new Uint8Array() : memory.bytes.slice(from, from + length);
      const bytes = Uint8Array.from(bodies.read(body!));
      store.set(key, { bytes, metadata });
      data.kept(key, bytes);
      return wait(out!, { error: KV_OK });
    },
    insert_wait: (handle, errorOut) => {
      const answer = pending.get(handle!);
      return answer === undefined ? BAD_HANDLE : memory.put32(errorOut!, answer.error);
    },
  };
}

function secretCalls(data: FastlyData, memory: Memory): Record<string, HostCall> {
  const [open, stores] = opener(data.secrets, NONE, memory);
  const secrets: Uint8Array[] = [];
  return {
    open,
    get: (handle, at, size, out) => {
      const secret = stores[handle!]?.get(memory.text(at!, size!));
      return secret === undefined ? NONE : memory.put32(out!, secrets.push(secret) - 1);
    },
    plaintext: (handle, at, room, length) => {
      const secret = secrets[handle!];
      return secret === undefined ? BAD_HANDLE : memory.write(secret, at!, room!, length!);
    },
  };
}

function configCalls(data: FastlyData, memory: Memory): Record<string, HostCall> {
  const [open, stores] = opener(data.config, BAD_HANDLE, memory);
  return {
    open,
    get: (handle, at, size, out, room, length) => {
      const text = stores[handle!]?.get(memory.text(at!, size!));
      return text === undefined ? NONE : memory.write(octets(text), out!, room!, length!);
    },
  };
}

/** Counters that count every request, over the seconds that have passed. */
function rateCalls(data: FastlyData, memory: Memory): Record<string, HostCall> {
  const name = (at: number, size: number, entryAt: number, entrySize: number): string =>
    `${memory.text(at, size)}\0${memory.text(entryAt, entrySize)}`;
  const count = (key: string, seconds: number): number =>
    (data.counts.get(key) ?? []).filter((time) => time > data.now() - seconds * 1_000).length;
  return {
    ratecounter_increment: (at, size, entryAt, entrySize, delta) => {
      const key = name(at!, size!, entryAt!, entrySize!);
      const times = data.counts.get(key) ?? [];
      for (let i = 0; i < delta!; i++) times.push(data.now());
      data.counts.set(key, times);
      return OK;
    },
    ratecounter_lookup_rate: (at, size, entryAt, entrySize, window, out) =>
      memory.put32(out!, Math.floor(count(name(at!, size!, entryAt!, entrySize!), window!) / window!)),
    ratecounter_lookup_count: (at, size, entryAt, entrySize, seconds, out) =>
      memory.put32(out!, count(name(at!, size!, entryAt!, entrySize!), seconds!)),
    // The SDK takes minutes and hands on seconds.
    penaltybox_add: (at, size, entryAt, entrySize, seconds) => {
      data.boxes.set(name(at!, size!, entryAt!, entrySize!), data.now() + seconds! * 1_000);
      return OK;
    },
    penaltybox_has: (at, size, entryAt, entrySize, out) => {
      const until = data.boxes.get(name(at!, size!, entryAt!, entrySize!)) ?? 0;
      return memory.put32(out!, until > data.now() ? 1 : 0);
    },
  };
}
