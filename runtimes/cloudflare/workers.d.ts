/**
 * What is used of the module that workerd has built in. Its own types are a package that nobody else needs.
 */
declare module 'cloudflare:workers' {
  /** Keeps work of the current request alive after its response. Throws outside of a request. */
  export function waitUntil(work: Promise<unknown>): void;

  /** What Durable Objects extend to be asked by RPC. */
  export abstract class DurableObject<Env = unknown> {
    protected ctx: {
      readonly id: { toString(): string };
      blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
    };
    protected env: Env;
    constructor(ctx: DurableObject['ctx'], env: Env);
    alarm?(): void | Promise<void>;
  }
}
