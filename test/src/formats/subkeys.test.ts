/**
 * Guards `src/formats/subkeys.ts`: keys are derived as docs/identity.md says, and no two are one.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KEY_LABELS, type KeyName, SEAL_LABEL, subkeyOf } from '../../../src/formats/subkeys';

const page = readFileSync(join(import.meta.dirname, '../../../docs/identity.md'), 'utf8');
const names = Object.keys(KEY_LABELS) as KeyName[];

describe('a subkey', () => {
  it('is HMAC-SHA-256 of the secret and its label, which the page has', () => {
    const secret = Uint8Array.from({ length: 40 }, (_, i) => i * 11);
    const made = names.map((name) => Buffer.from(subkeyOf(secret, name)).toString('hex'));
    expect(made).toEqual(names.map((name) => createHmac('sha256', secret).update(KEY_LABELS[name]).digest('hex')));
    expect(new Set(made).size).toBe(names.length);
    for (const name of names) expect(page).toContain(`| ${name} | \`${KEY_LABELS[name]}\``);
    expect(page).toContain(`\`${SEAL_LABEL}\``);
  });
});
