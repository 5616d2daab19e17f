/**
 * Guards the public surface: the names that may be imported are exactly these. A name that is added here is a promise;
 * one that goes away breaks somebody. It reads the built package, as a user does.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version';
import { ground } from '../ground';

const root = join(import.meta.dirname, '..', '..');
const built = existsSync(join(root, 'dist', 'runtimes', 'node', 'index.js'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  type: string;
  sideEffects: boolean;
  dependencies?: unknown;
  exports: Record<string, string | { types: string; default: string }>;
  imports: Record<string, Record<string, string>>;
};

const NAMES: Record<string, string[]> = {
  '.': ['TracehoundError', 'VERSION', 'createTracehound', 'guardUpgrades', 'node', 'openSnapshot'],
  './node': ['TracehoundError', 'VERSION', 'createTracehound', 'guardUpgrades', 'node', 'openSnapshot'],
  './hono': ['tracehound'],
  './fetch': ['tracehound'],
  './signals/aws-waf': ['awsWafSignals'],
  './signals/cloudflare': ['cloudflareSignals'],
  './signals/crowdsec': ['crowdsecSignals'],
  './signals/fastly': ['NGWAF_ATTACKS', 'fastlySignals'],
  './signals/modsecurity': ['modsecuritySignals'],
  './signer': [
    'ecdsaSigner',
    'ed25519Signer',
    'generateKey',
    'generateSigner',
    'keyNoteText',
    'macSigner',
    'signNote',
    'signerFromText',
  ],
  './stores/fs': ['fsStore'],
  './stores/memory': ['memoryStore'],
  './core/inline': ['digest', 'instantiate'],
  './core/js': ['digest', 'instantiate'],
};

describe('the package', () => {
  test('says its version once', () => {
    expect(VERSION).toBe(manifest.version);
  });

  test('has exactly these entrances', () => {
    expect(Object.keys(manifest.exports).sort()).toEqual(
      [...Object.keys(NAMES), './core.wasm', './package.json'].sort(),
    );
  });

  test('installs nothing, has no side effects, and is made of modules', () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest).toMatchObject({ sideEffects: false, type: 'module' });
  });

  test('chooses its core by condition, in the order that platforms need', () => {
    expect(Object.keys(manifest.imports['#core']!)).toEqual(['types', 'fastly', 'workerd', 'edge-light', 'default']);
  });

  test.runIf(built).each(Object.entries(NAMES))('%s exports exactly its names', async (entrance, names) => {
    const target = manifest.exports[entrance] as { types: string; default: string };
    const module_ = (await import(join(root, target.default))) as Record<string, unknown>;
    expect(Object.keys(module_).sort()).toEqual(names);
    expect(existsSync(join(root, target.types))).toBe(true);
  });
});

describe('an instance', () => {
  const { th } = ground();
  const names = (value: object): string[] => {
    const own = Object.keys(value);
    const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(value) as object);
    const all = Object.getPrototypeOf(value) === Object.prototype ? own : [...own, ...inherited];
    return all.filter((name) => name !== 'constructor').sort();
  };

  test.each<[string, object, string[]]>([
    [
      'th',
      th,
      [
        'audit',
        'close',
        'http',
        'id',
        'intercept',
        'interceptAsync',
        'quarantine',
        'rateLimiter',
        'snapshot',
        'watcher',
      ],
    ],
    ['th.rateLimiter', th.rateLimiter, ['block', 'check', 'peek', 'reset', 'unblock']],
    [
      'th.quarantine',
      th.quarantine,
      ['export', 'find', 'flush', 'get', 'has', 'list', 'neutralize', 'purge', 'read', 'replace', 'stats'],
    ],
    [
      'th.audit',
      th.audit,
      [
        'carried',
        'checkpoint',
        'export',
        'flush',
        'head',
        'proveConsistency',
        'proveInclusion',
        'release',
        'releaseCarried',
        'verify',
      ],
    ],
    ['th.watcher', th.watcher, ['snapshot']],
    [
      'th.http',
      th.http,
      [
        'charge',
        'count',
        'defer',
        'failMode',
        'maxPayloadBytes',
        'now',
        'partition',
        'policy',
        'redact',
        'ship',
        'source',
        'traceId',
        'uninspected',
      ],
    ],
  ])('%s has exactly its names', (_, part, expected) => {
    expect(names(part)).toEqual(expected);
  });
});
