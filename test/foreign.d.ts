/**
 * What is used of modules that `npm ci` does not bring: the loaders of the core, which `npm run build` writes as JavaScript,
 * what engines have built in, and what only the packages of `test/wide` are. TypeScript reads this also where the package
 * is installed, so that the tests mean the same to it on every machine.
 *
 * Relies on: `build/core.d.ts`; `@fastly/js-compute` 3, `miniflare` 5, `next` 16. Refuses: what no test and no example uses.
 */
declare module '*.inline.js' {
  export { digest, instantiate } from '#core';
}

declare module '*.js.js' {
  export { digest, instantiate } from '#core';
}

declare module 'cloudflare:workers' {
  export const env: unknown;
}

declare module 'fastly:edge-rate-limiter' {
  export class RateCounter {
    constructor(name: string);
    increment(entry: string, delta: number): void;
    lookupRate(entry: string, window: 1 | 10 | 60): number;
    lookupCount(entry: string, duration: 10 | 20 | 30 | 40 | 50 | 60): number;
  }

  export class PenaltyBox {
    constructor(name: string);
    add(entry: string, timeToLive: number): void;
    has(entry: string): boolean;
  }
}

declare module 'fastly:kv-store' {
  export class KVStore {
    constructor(name: string);
    get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer>; metadataText(): string | null } | null>;
    put(
      key: string,
      value: ArrayBufferView | ArrayBuffer | string,
      options?: { metadata?: string; mode?: 'overwrite' | 'add' | 'append' | 'prepend' },
    ): Promise<undefined>;
  }
}

declare module 'fastly:secret-store' {
  export class SecretStore {
    constructor(name: string);
    get(key: string): Promise<{ plaintext(): string; rawBytes(): Uint8Array<ArrayBuffer> } | null>;
  }
}

declare module 'next/server' {
  export class NextResponse extends Response {
    static next(): NextResponse;
  }
}

declare module 'miniflare' {
  interface WorkerOptions {
    name?: string;
    compatibilityDate?: string;
    script?: string;
    modules?: boolean | { type: 'ESModule' | 'CompiledWasm'; path: string }[];
    modulesRoot?: string;
    bindings?: Record<string, string>;
    durableObjects?: Record<string, { className: string; scriptName?: string; useSQLite?: boolean }>;
    kvNamespaces?: string[];
    r2Buckets?: string[];
  }

  type V4Options = { resourcePersistencePath: string } & (WorkerOptions | { workers: WorkerOptions[] });

  interface MiniflareOptions {
    resourcePersistencePath?: string;
    workers: object[];
  }

  interface Namespace {
    get(key: string): Promise<string | null>;
    list(): Promise<{ keys: { name: string }[] }>;
  }

  interface Bucket {
    get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer>; text(): Promise<string> } | null>;
    list(options: { prefix: string }): Promise<{ objects: { key: string }[] }>;
  }

  export function convertV4MiniflareOptions(options: V4Options): MiniflareOptions;

  export class Miniflare {
    constructor(options: MiniflareOptions);
    dispatchFetch(url: string, init?: RequestInit): Promise<Response>;
    dispose(): Promise<void>;
    getKVNamespace(binding: string, worker?: string): Promise<Namespace>;
    getR2Bucket(binding: string, worker?: string): Promise<Bucket>;
    getWorker(name: string): Promise<{ fetch(url: string, init?: RequestInit): Promise<Response> }>;
    unsafeEvictDurableObject(worker: string, className: string, object: { name: string }): Promise<void>;
  }
}
