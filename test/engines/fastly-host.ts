/**
 * A host for programs of Fastly Compute: runs the module that js-compute built, which is the real engine and the real
 * SDK, one fresh instance for each request, and answers the host calls of the platform's public ABI that a guarded
 * application needs. What outlives a request lies in the data beside it (fastly-data.ts).
 *
 * Relies on: node:wasi. Refuses: the rest of the platform. A call that is not written here answers `unsupported`, which
 * the SDK turns into an error of its own, so that nothing passes for done. Backends and caches are not here.
 */
import { WASI } from 'node:wasi';
import {
  BAD_HANDLE,
  BUFFER_LENGTH,
  dataCalls,
  FastlyData,
  type HostCall,
  Memory,
  OK,
  octets,
  UNSUPPORTED,
} from './fastly-data.ts';

/** Nothing was ready in time. */
const NOTHING_DONE = 0xffff_ffff;
const NO_MORE = -1n;
const HTTP_11 = 2;
const STDERR = 2;

export interface HostRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Uint8Array;
  /** Four or sixteen bytes. */
  readonly client?: Uint8Array;
}

export interface HostResponse {
  readonly status: number;
  readonly headers: [string, string][];
  readonly body: Uint8Array;
}

type Fields = [name: string, value: string][];

interface Body {
  readonly chunks: Uint8Array[];
  /** Bytes of the first chunk that were read. */
  read: number;
}

export class FastlyHost {
  readonly #module: WebAssembly.Module;
  readonly data: FastlyData;

  constructor(bytes: Uint8Array, data: FastlyData = new FastlyData()) {
    this.#module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    this.data = data;
  }

  /** Serves one request. What the program prints goes to this process's stderr. */
  serve(request: HostRequest): HostResponse {
    const visit = new Visit(request, this.data);
    const wasi = new WASI({ version: 'preview1', args: ['app'], stdout: STDERR, returnOnExit: true });
    const imports = { ...(wasi.getImportObject() as WebAssembly.Imports) };
    for (const { module, name } of WebAssembly.Module.imports(this.#module)) {
      if (!module.startsWith('fastly_')) continue;
      imports[module] = { ...imports[module], [name]: visit.calls[module]?.[name] ?? (() => UNSUPPORTED) };
    }
    const instance = new WebAssembly.Instance(this.#module, imports);
    visit.memory.of = instance.exports.memory as WebAssembly.Memory;
    const code = wasi.start(instance);
    if (code !== 0) throw new Error(`fastly: ended with ${code}, expected an answer`);
    return visit.response();
  }
}

/** One request, its answer, and the memory of the instance that makes it. */
class Visit {
  readonly memory: Memory = new Memory();
  readonly #request: HostRequest;
  readonly #bodies: Body[] = [];
  readonly #fields: Fields[] = [];
  readonly #status: number[] = [];
  /** Of the requests, by handle: the one that came, and those that the program makes. */
  readonly #lines: { method: string; uri: string }[] = [];
  #sent: { response: number; body: number } | undefined;

  constructor(request: HostRequest, data: FastlyData) {
    this.#request = request;
    const bodies = {
      read: (handle: number) => Buffer.concat(this.#bodies[handle]?.chunks ?? []),
      make: (bytes: Uint8Array) => this.#bodies.push({ chunks: bytes.length > 0 ? [bytes] : [], read: 0 }) - 1,
    };
    this.calls = { ...this.#ownCalls, ...dataCalls(data, this.memory, bodies) };
    this.#fields.push([...(request.headers ?? [])].map(([name, value]) => [name.toLowerCase(), value]));
    this.#lines.push({ method: request.method, uri: request.url });
    this.#status.push(0);
    this.#bodies.push({ chunks: request.body?.length ? [request.body] : [], read: 0 });
  }

  response(): HostResponse {
    if (this.#sent === undefined) throw new Error('fastly: no answer, expected one');
    const { response, body } = this.#sent;
    return {
      status: this.#status[response]!,
      headers: this.#fields[response]!,
      body: Buffer.concat(this.#bodies[body]!.chunks),
    };
  }

  readonly calls: Readonly<Record<string, Readonly<Record<string, HostCall>>>>;
  readonly #ownCalls = {
    fastly_http_req: {
      body_downstream_get: (request: number, body: number): number => this.#put32(request, 0) + this.#put32(body, 0),
      new: (out: number): number => {
        const handle = this.#fields.push([]) - 1;
        this.#status[handle] = 0;
        this.#lines[handle] = { method: 'GET', uri: '' };
        return this.#put32(out, handle);
      },
      method_get: (handle: number, at: number, room: number, length: number): number =>
        this.#text(this.#lines[handle]!.method, at, room, length),
      method_set: (handle: number, at: number, size: number): number => {
        this.#lines[handle]!.method = this.#read(at, size);
        return OK;
      },
      uri_get: (handle: number, at: number, room: number, length: number): number =>
        this.#text(this.#lines[handle]!.uri, at, room, length),
      uri_set: (handle: number, at: number, size: number): number => {
        this.#lines[handle]!.uri = this.#read(at, size);
        return OK;
      },
      version_get: (_h: number, out: number): number => this.#put32(out, HTTP_11),
      ...this.#headerCalls(),
    },
    fastly_http_resp: {
      new: (out: number): number => {
        const handle = this.#fields.push([]) - 1;
        this.#status[handle] = 200;
        return this.#put32(out, handle);
      },
      status_get: (handle: number, out: number): number => {
        this.#view.setUint16(out, this.#status[handle]!, true);
        return OK;
      },
      status_set: (handle: number, status: number): number => {
        this.#status[handle] = status;
        return OK;
      },
      version_get: (_h: number, out: number): number => this.#put32(out, HTTP_11),
      framing_headers_mode_set: (): number => OK,
      send_downstream: (response: number, body: number): number => {
        this.#sent = { response, body };
        return OK;
      },
      ...this.#headerCalls(),
    },
    fastly_http_body: {
      new: (out: number): number => this.#put32(out, this.#bodies.push({ chunks: [], read: 0 }) - 1),
      read: (handle: number, at: number, room: number, length: number): number => {
        const body = this.#bodies[handle];
        if (body === undefined) return BAD_HANDLE;
        const piece = body.chunks[0]?.subarray(body.read, body.read + room) ?? new Uint8Array();
        this.#bytes.set(piece, at);
        body.read += piece.length;
        if (body.read === body.chunks[0]?.length) {
          body.chunks.shift();
          body.read = 0;
        }
        return this.#put32(length, piece.length);
      },
      write: (handle: number, at: number, size: number, front: number, length: number): number => {
        const body = this.#bodies[handle];
        if (body === undefined) return BAD_HANDLE;
        const piece = this.#bytes.slice(at, at + size);
        if (front === 1) body.chunks.unshift(piece);
        else body.chunks.push(piece);
        return this.#put32(length, size);
      },
      append: (target: number, source: number): number => {
        const [into, from] = [this.#bodies[target], this.#bodies[source]];
        if (into === undefined || from === undefined) return BAD_HANDLE;
        const [first = new Uint8Array(), ...rest] = from.chunks;
        into.chunks.push(first.subarray(from.read), ...rest);
        return OK;
      },
      close: (): number => OK,
      abandon: (): number => OK,
      known_length: (): number => UNSUPPORTED,
    },
    fastly_http_downstream: {
      downstream_client_ip_addr: (_h: number, at: number, length: number): number => {
        const address = this.#request.client ?? new Uint8Array();
        this.#bytes.set(address, at);
        return this.#put32(length, address.length);
      },
    },
    fastly_async_io: {
      // Everything that has a handle here is there already. Without one, a timer is waited for.
      select: (_at: number, count: number, ms: number, out: number): number => {
        // A millisecond more: whole ones were asked for, and the engine gives up on a timer that is not due when it is woken.
        if (count === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms + 1);
        return this.#put32(out, count === 0 ? NOTHING_DONE : 0);
      },
      is_ready: (_h: number, out: number): number => this.#put32(out, 1),
    },
  };

  #headerCalls(): Record<string, HostCall> {
    const named = (handle: number, at: number, size: number): [Fields, string] => [
      this.#fields[handle] ?? [],
      this.#read(at, size).toLowerCase(),
    ];
    return {
      header_names_get: (handle, at, room, cursor, next, length) => {
        const names = [...new Set((this.#fields[handle] ?? []).map(([name]) => name))];
        return this.#list(names, at!, room!, cursor!, next!, length!);
      },
      header_values_get: (handle, nameAt, nameSize, at, room, cursor, next, length) => {
        const [fields, wanted] = named(handle!, nameAt!, nameSize!);
        const values = fields.filter(([name]) => name === wanted).map(([, value]) => value);
        return this.#list(values, at!, room!, cursor!, next!, length!);
      },
      header_append: (handle, nameAt, nameSize, at, size) => {
        const [fields, name] = named(handle!, nameAt!, nameSize!);
        fields.push([name, this.#read(at!, size!)]);
        return OK;
      },
      header_insert: (handle, nameAt, nameSize, at, size) => {
        const [fields, wanted] = named(handle!, nameAt!, nameSize!);
        const others = fields.filter(([name]) => name !== wanted);
        fields.splice(0, fields.length, ...others, [wanted, this.#read(at!, size!)]);
        return OK;
      },
      header_remove: (handle, nameAt, nameSize) => {
        const [fields, wanted] = named(handle!, nameAt!, nameSize!);
        fields.splice(0, fields.length, ...fields.filter(([name]) => name !== wanted));
        return OK;
      },
    };
  }

  /** Items from `cursor` on that fit, each ended by NUL, and where to go on. */
  #list(items: readonly string[], at: number, room: number, cursor: number, next: number, length: number): number {
    let size = 0;
    let index = cursor;
    for (; index < items.length; index++) {
      const bytes = octets(`${items[index]}\0`);
      if (size + bytes.length > room) break;
      this.#bytes.set(bytes, at + size);
      size += bytes.length;
    }
    // Not even one fits: the caller asks again with more room.
    if (size === 0 && cursor < items.length) {
      this.#put32(length, octets(`${items[cursor]}\0`).length);
      return BUFFER_LENGTH;
    }
    this.#view.setBigInt64(next, index < items.length ? BigInt(index) : NO_MORE, true);
    return this.#put32(length, size);
  }

  #text(text: string, at: number, room: number, length: number): number {
    return this.memory.write(octets(text), at, room, length);
  }

  #read(at: number, size: number): string {
    return this.memory.text(at, size);
  }

  #put32(at: number, value: number): number {
    return this.memory.put32(at, value);
  }

  get #bytes(): Uint8Array {
    return this.memory.bytes;
  }

  get #view(): DataView {
    return this.memory.view;
  }
}
