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

interface Entry {
  types: string;
  default: string;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  type: string;
  sideEffects: boolean;
  dependencies?: unknown;
  exports: Record<string, string | Entry | Record<string, Entry>>;
  imports: Record<string, Record<string, string>>;
};

/** What every runtime exports beside itself. */
const COMMON = ['TracehoundError', 'VERSION', 'createTracehound', 'openLog', 'openSnapshot', 'secretFrom'];
const RUNTIMES: Record<string, string[]> = {
  node: ['guardUpgrades', 'node'],
  cloudflare: ['cloudflare'],
  vercel: ['vercel'],
  fastly: ['edgeRateLimit', 'fastly', 'settingFrom', 'signerFrom'],
  'lambda-edge': ['handler', 'lambdaEdge', 'settle'],
  deno: ['deno'],
  bun: ['bun'],
  standard: ['standard'],
};
const NAMES: Record<string, string[]> = {
  ...Object.fromEntries(Object.entries(RUNTIMES).map(([name, own]) => [`./${name}`, [...COMMON, ...own].sort()])),
  './hono': ['tracehound'],
  './fetch': ['tracehound'],
  './signals/aws-waf': ['awsWafSignals'],
  './signals/cloudflare': ['cloudflareSignals'],
  './signals/crowdsec': ['crowdsecSignals'],
  './signals/fastly': ['NGWAF_ATTACKS', 'fastlySignals'],
  './signals/modsecurity': ['modsecuritySignals'],
  './conformance': [
    ...['CASES', 'LEDGER_CASES', 'LIVES', 'LOG_STORE_CASES', 'SIGNER_CASES', 'SINK_CASES', 'STORE_CASES', 'TRACE'],
    ...['conform', 'conformLedger', 'conformLogStore', 'conformSigner', 'conformSink', 'conformStore', 'replay'],
  ],
  './types': [],
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
  './log': ['heldLog', 'openLog', 'pruneLog', 'storedLog'],
  './lean': ['createLean'],
  './stores/durable': ['durableStore'],
  './stores/fastly-kv': ['fastlyKvStore'],
  './stores/fs': ['fsStore'],
  './stores/memory': ['memoryStore'],
  './stores/r2': ['r2Store'],
  './verify': [
    'TracehoundError',
    'fileSource',
    'findLogs',
    'openCheckpoint',
    'packLog',
    'parsePolicy',
    'storeSource',
    'verifyBundle',
    'verifyConsistency',
    'verifyInclusion',
    'verifyLog',
  ],
  './core/inline': ['digest', 'instantiate'],
  './core/js': ['digest', 'instantiate'],
};
/** What Node cannot load: `.wasm` files as bundlers of their platforms do, and what is built into workerd. */
const ELSEWHERE = ['./core/workerd', './core/edge-light', './cloudflare/object'];

describe('the package', () => {
  test('says its version once', () => {
    expect(VERSION).toBe(manifest.version);
  });

  test('has exactly these entrances', () => {
    expect(Object.keys(manifest.exports).sort()).toEqual(
      [...Object.keys(NAMES), ...ELSEWHERE, '.', './core.wasm', './package.json'].sort(),
    );
  });

  test('is the runtime of its platform, in the order that platforms need', () => {
    const entry = (name: string): Entry => manifest.exports[`./${name}`] as Entry;
    // js-compute and Vercel say `browser` too, Deno and Bun say `node`: the particular before the general.
    expect(Object.entries(manifest.exports['.']!)).toEqual([
      ['fastly', entry('fastly')],
      ['workerd', entry('cloudflare')],
      ['edge-light', entry('vercel')],
      ['deno', entry('deno')],
      ['bun', entry('bun')],
      ['node', entry('node')],
      ['browser', entry('standard')],
      // Whoever says nothing is a bundler for Node; one for browsers fails at `node:crypto`, where it is seen.
      ['default', entry('node')],
    ]);
  });

  test('installs nothing, has no side effects, and is made of modules', () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest).toMatchObject({ sideEffects: false, type: 'module' });
  });

  test('chooses its core by condition, in the order that platforms need', () => {
    expect(Object.keys(manifest.imports['#core']!)).toEqual(['types', 'fastly', 'workerd', 'edge-light', 'default']);
  });

  test.runIf(built).each(Object.entries(NAMES))('%s exports exactly its names', async (entrance, names) => {
    const target = manifest.exports[entrance] as Entry;
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
        'on',
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
      ['export', 'find', 'flush', 'get', 'has', 'list', 'neutralize', 'purge', 'purgeAll', 'read', 'replace', 'stats'],
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
    ['th.http', th.http, ['counters', 'keys', 'limits', 'runtime', 'settings']],
    ['th.http.counters', th.http.counters, ['count', 'uninspected']],
    ['th.http.keys', th.http.keys, ['redact', 'traceId', 'traceOf']],
    ['th.http.limits', th.http.limits, ['charge', 'partition', 'policy']],
    ['th.http.runtime', th.http.runtime, ['defer', 'gone', 'now', 'ship', 'source']],
    ['th.http.settings', th.http.settings, ['failMode', 'ipv6Prefix', 'maxPayloadBytes']],
  ])('%s has exactly its names', (_, part, expected) => {
    expect(names(part)).toEqual(expected);
  });
});
