/** Builds everything that is published: the core and its loaders, then the JavaScript and the declarations. */
await import('./core.ts');
