/**
 * Names files in full: `from './types'` → `from './types/index.js'`, in the JavaScript and the declarations that are
 * published. The sources leave endings out, because TypeScript and bundlers find them; Node, Deno and a consumer's
 * TypeScript that resolves as Node does would find nothing.
 *
 * Relies on: what the compilers wrote, each import on one line or its `from` on the last. Refuses: an import that leads to
 * no file of the package.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';

/** `from '…'`, `import '…'` and `import('…')`, of relative files alone. */
const SPECIFIER = /(\bfrom ?|\bimport\(|^import ?)(['"])(\.{1,2}(?:\/[^'"]*)?)\2/gm;

/** Rewrites one file where it lies. `ending` is `.js` or `.d.ts`: what its neighbours are called on the disk. */
export function nameFiles(path: string, ending: '.js' | '.d.ts', root: string): void {
  const text = readFileSync(path, 'utf8');
  const named = text.replace(SPECIFIER, (whole, head: string, quote: string, target: string) => {
    if (/\.[cm]?js$/.test(target)) return whole;
    const base = resolve(dirname(path), target);
    const found = [`${target}.js`, `${target.replace(/\/$/, '')}/index.js`].find((_, i) =>
      existsSync(i === 0 ? base + ending : resolve(base, `index${ending}`)),
    );
    if (found === undefined) {
      throw new Error(`build: ${relative(root, path)} imports ${target}, expected a file of this package`);
    }
    return `${head}${quote}${found}${quote}`;
  });
  // Of a file that only has types nothing is left; what says that it is a module is a module to every reader.
  const whole = named === '' ? 'export {};\n' : named;
  if (whole !== text) writeFileSync(path, whole);
}
