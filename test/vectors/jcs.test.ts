/**
 * Guards `src/formats/jcs.ts` against published vectors: the test data of github.com/cyberphone/json-canonicalization, read from
 * `$TRACEHOUND_VECTORS/jcs`. Without that folder the file says so in one line and passes nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalise } from '../../src/formats/jcs';

const root = process.env.TRACEHOUND_VECTORS;
const folder = root === undefined ? undefined : join(root, 'jcs', 'testdata');
const present = folder !== undefined && existsSync(folder);
if (!present) console.log('vectors/jcs: skipped, set TRACEHOUND_VECTORS to the folder that holds jcs/testdata');

describe.runIf(present)('RFC 8785 vectors', () => {
  const files = present ? readdirSync(join(folder, 'input')).filter((name) => name.endsWith('.json')) : [];

  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(6);
  });

  it.each(files)('%s gives the published bytes', (name) => {
    const value: unknown = JSON.parse(readFileSync(join(folder!, 'input', name), 'utf8'));
    const result = canonicalise(value, 1_048_576);
    expect(result.ok && new Uint8Array(result.bytes)).toEqual(
      new Uint8Array(readFileSync(join(folder!, 'output', name))),
    );
    const hex = readFileSync(join(folder!, 'outhex', name.replace('.json', '.txt')), 'utf8').replace(/\s/g, '');
    expect(result.ok && Buffer.from(result.bytes).toString('hex')).toBe(hex);
  });
});
