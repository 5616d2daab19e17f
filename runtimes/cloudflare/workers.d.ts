/**
 * What is used of the module that workerd has built in. Its own types are a package that nobody else needs.
 */
declare module 'cloudflare:workers' {
  /** Keeps work of the current request alive after its response. Throws outside of a request. */
  export function waitUntil(work: Promise<unknown>): void;
}
