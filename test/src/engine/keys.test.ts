/**
 * Guards src/engine/keys.ts: the labels of docs/identity.md. A key under another label would make other tags, trace ids and
 * partitions than those that an auditor computes from the secret.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type KeyName, SEAL_LABEL, Subkeys } from '../../../src/engine/keys';
import { begun, configOf } from '../../lab/core';
import { engineOf, SECRET } from '../../lab/engine';

/** Key and label, as the table of the document has them. */
const documented = new Map(
  [...readFileSync('docs/identity.md', 'utf8').matchAll(/^\| (\w+) \| `(tracehound\/v1\/[\w-]+)`/gm)].map(
    ([, key, label]) => [key as string, label as string],
  ),
);
const NAMES = ['tag', 'redact', 'trace', 'partition'] as const satisfies readonly KeyName[];
const hmac = (key: Uint8Array, data: string | Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(data).digest();

describe('a subkey', () => {
  it.each(NAMES)('%s is the HMAC of the label that docs/identity.md gives it', (name) => {
    const label = documented.get(name) as string;
    expect(label).toMatch(/^tracehound\/v1\//);
    for (const bytes of [32, 33, 64, 65, 200]) {
      const secret = Uint8Array.from({ length: bytes }, (_, i) => i * 7);
      expect(Buffer.from(new Subkeys(secret).of(begun(), name)).equals(hmac(secret, label)), `${bytes} bytes`).toBe(
        true,
      );
    }
  });

  it('is the one by which an engine answers', () => {
    const { engine, it: lab } = engineOf({ config: configOf({ maxPayloadBytes: 64 }) });
    for (const name of NAMES) {
      const key = hmac(SECRET, documented.get(name) as string);
      for (const bytes of [0, 1, 64]) {
        const data = new Uint8Array(bytes).fill(5);
        expect(Buffer.from(engine.mac(lab.now, name, data)).equals(hmac(key, data)), `${name}, ${bytes}`).toBe(true);
      }
    }
  });

  it('is derived once, whichever core is asked, and differs from every other', () => {
    const keys = new Subkeys(SECRET);
    const core = begun();
    const made = NAMES.map((name) => keys.of(core, name));
    const dead = new Proxy(core, {
      get: () => {
        throw new Error('it asked the core again');
      },
    });
    expect(NAMES.map((name) => keys.of(dead, name))).toEqual(made);
    expect(new Set(made.map((key) => Buffer.from(key).toString('hex'))).size).toBe(NAMES.length);
  });
});

it('the label of snapshots is the documented one', () => {
  expect(documented.get('seal')).toBe(SEAL_LABEL);
});
