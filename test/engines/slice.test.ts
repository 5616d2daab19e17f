/**
 * Guards the promise that one core decides alike everywhere: one trace is replayed in every real engine, through the
 * packed package and the loader that its own map chooses there, and must end in the same bytes.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ENGINES, type Engine, node24 } from './engines';
import { bundle } from './programs';
import { LIVES, type Report } from './replay';

/** Another seed is another life: `TRACEHOUND_SEED=7 npm run test:wide`. */
const SEED = Number(process.env.TRACEHOUND_SEED ?? 1);
const STEPS = 400;

const GROUNDS = {
  /** As `#core` resolves on the platform. */
  own: `import { createTracehound, node, openSnapshot } from 'tracehound/node';
const ground = { createTracehound, openSnapshot, core: node.core, coreDigest: node.coreDigest };`,
  /** The same, and the platform hashes at once. */
  hashing: `import { createTracehound, node, openSnapshot } from 'tracehound/node';
const ground = { createTracehound, openSnapshot, core: node.core, coreDigest: node.coreDigest, digest: node.digest };`,
  /** The core that needs no WebAssembly, by its own name. */
  js: `import { createTracehound, openSnapshot } from 'tracehound/node';
import { digest, instantiate } from 'tracehound/core/js';
const ground = { createTracehound, openSnapshot, core: instantiate, coreDigest: digest };`,
};

interface Row {
  readonly name: string;
  readonly engine: Engine;
  readonly ground: keyof typeof GROUNDS;
  readonly core: Report['core'];
  /** What a sealed snapshot is there, when it is not the bytes it is everywhere. */
  readonly sealed?: Report['sealed'];
}

const REFERENCE: Row = { name: 'node 24', engine: node24, ground: 'own', core: 'wasm' };
const ROWS: readonly Row[] = [
  { name: 'node 24, core/js', engine: node24, ground: 'js', core: 'js' },
  { name: 'node 24, node:crypto', engine: node24, ground: 'hashing', core: 'wasm' },
  ...ENGINES.filter((engine) => engine !== node24).map((engine): Row => {
    const row = { name: engine.name, engine, ground: 'own' } as const;
    // Fastly's engine has no WebAssembly, and its Web Crypto no AES-GCM: only unsealed snapshots can be made there.
    return engine.name === 'fastly' ? { ...row, core: 'js', sealed: 'RUNTIME_FAILED' } : { ...row, core: 'wasm' };
  }),
];

const table: string[] = [];

async function replay({ name, engine, ground }: Row, seed = SEED): Promise<Report[]> {
  const version = engine.version();
  const source = `import { replayAll } from ${JSON.stringify(join(import.meta.dirname, 'replay.ts'))};
${GROUNDS[ground]}
const main = () => replayAll(ground, ${seed}, ${STEPS});`;
  const folder = await bundle(inject('consumer'), `slice ${name} ${seed}`.replace(/\W+/g, '-'), engine.target, source);
  const began = performance.now();
  const reports = JSON.parse(await engine.run(folder)) as Report[];
  const ms = Math.round(performance.now() - began);
  const [report] = reports;
  if (seed === SEED && report !== undefined) {
    const times = reports.map((one) => String(one.ms).padStart(6)).join('');
    table.push(
      `${name.padEnd(22)}${version.padEnd(16)}${report.core.padEnd(6)}${String(ms).padStart(7)}${times}  ` +
        `${report.state.slice(0, 12)}  ${report.root.slice(0, 12)}  ${report.answers.slice(0, 12)}`,
    );
  }
  return reports;
}

/** What must be equal everywhere: all but the kind of core and the time it took. */
const decided = ({ ms: _, core: __, sealed: ___, ...rest }: Report): Omit<Report, 'ms' | 'core' | 'sealed'> => rest;

describe(`one trace of ${STEPS} steps from seed ${SEED}`, () => {
  let reference: Report[] = [];

  beforeAll(async () => {
    reference = await replay(REFERENCE);
  });

  afterAll(() => {
    const head = `${'engine'.padEnd(22)}${'version'.padEnd(16)}core  ${'run ms'.padStart(7)}${`${LIVES.length} lives, ms`.padStart(6 * LIVES.length)}`;
    console.log([`${head}  state         root          answers`, ...table].join('\n'));
  });

  it('takes every verdict, with a limiter of each width and without one', () => {
    expect(reference.map(({ limits, mode }) => [limits, mode])).toEqual(LIVES);
    const verdicts = ['clean', 'quarantined', 'duplicate', 'payload_too_large', 'error'];
    const drops = ['dropped capacity', 'dropped invalid'];
    for (const { limits, census, core } of reference) {
      const refusals = limits === 'unlimited' ? [] : ['rate_limited'];
      expect(Object.keys(census)).toEqual(expect.arrayContaining([...verdicts, ...drops, ...refusals]));
      expect(core).toBe('wasm');
    }
  });

  it('draws entropy more than once, writes more records than are held, outlives two cores and is inherited', () => {
    for (const { drawn, size, panics, verified, heir, state } of reference) {
      expect(drawn).toBeGreaterThan(4 * 1_024);
      expect(size).toBeGreaterThan(48);
      expect(panics).toBe(2);
      expect([verified, heir.verified]).toEqual([true, true]);
      expect(heir.state).not.toBe(state);
    }
  });

  it('ends in one state, whether or not its calls wait', () => {
    const [limited, limitedAsync, unlimited, unlimitedAsync] = reference.map((report) => ({
      ...decided(report),
      sealed: report.sealed,
      mode: undefined,
    }));
    expect(limitedAsync).toEqual(limited);
    expect(unlimitedAsync).toEqual(unlimited);
  });

  it('ends elsewhere from another seed', async () => {
    const others = await replay(REFERENCE, SEED + 1);
    for (const [i, other] of others.entries()) {
      for (const part of ['state', 'root', 'answers'] as const) expect(other[part]).not.toBe(reference[i]![part]);
    }
  });

  it.each(ROWS)('$name decides as Node 24 does, to the byte', async (row) => {
    const reports = await replay(row);
    expect(reports.map(({ core }) => core)).toEqual(reports.map(() => row.core));
    expect(reports.map(decided)).toEqual(reference.map(decided));
    expect(reports.map(({ sealed }) => sealed)).toEqual(reference.map(({ sealed }) => row.sealed ?? sealed));
  });
});
