/** Guards the public types: a program that uses all of them compiles under the strictest options, and misuse does not. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const built = existsSync(join(import.meta.dirname, '..', '..', 'dist', 'src', 'adapters', 'hono.d.ts'));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

test.runIf(built)('a program that uses every public type compiles, and each misuse is an error', () => {
  const run = (): string => {
    try {
      return execFileSync(process.execPath, [tsc, '-p', join(import.meta.dirname, 'tsconfig.json')], {
        encoding: 'utf8',
      });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  expect(run()).toBe('');
});
