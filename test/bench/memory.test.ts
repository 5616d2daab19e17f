/**
 * Guards docs/memory.md: its formula is what the core reserves, its example is right to the byte, and an item takes what
 * the page says it takes.
 *
 * Relies on: a build. Refuses: to measure the system's idea of memory, which is the benchmark's part.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { type Configuration, DEFAULTS, itemBytes, memoryBytes, reserved, total } from '../../bench/formula.ts';
import { randomFrom } from '../../bench/measure.ts';
import { CONFIGURATIONS } from '../../bench/memory.ts';
import { createTracehound, node, type TracehoundOptions } from '../../runtimes/node/index';

const options = (of: Configuration): TracehoundOptions => ({
  rateLimit: of.limit === 0 ? false : { limit: of.limit, maxSources: of.maxSources },
  quarantine: { maxCount: of.maxCount, maxBytes: of.maxBytes },
  maxPayloadBytes: of.maxPayloadBytes,
  audit: { maxRecords: of.maxRecords },
});

/** Memory of an instance that is up: the core itself refuses to start when the host's sum is not its own. */
const measured = (of: Configuration): number => {
  const th = createTracehound(options(of));
  th.id();
  return th.watcher.snapshot().core.memoryBytes;
};

describe('docs/memory.md', () => {
  const page = readFileSync(new URL('../../docs/memory.md', import.meta.url), 'utf8');

  test('its example for the default configuration is right to the byte', () => {
    const bill = reserved(DEFAULTS);
    const lines = page.slice(page.indexOf('## An example')).matchAll(/^\| (.+?) +\| (?:\*\*)?([\d,]+)(?:\*\*)? +\|$/gm);
    const stated = Object.fromEntries([...lines].map(([, part, bytes]) => [part, Number(bytes!.replaceAll(',', ''))]));
    expect(stated).toEqual({
      fixed: bill.fixed,
      "one request's payload": bill.payload,
      sources: bill.sources,
      'forgotten sources (sketch)': bill.sketch,
      'evidence: slots': bill.slots,
      'evidence: payloads': bill.slab,
      records: bill.records,
      '**sum**': total(bill),
      'in pages': memoryBytes(DEFAULTS),
    });
    expect(createTracehound().watcher.snapshot().core.memoryBytes).toBe(memoryBytes(DEFAULTS));
  });

  test('its small edge isolate takes what it says', () => {
    const edge = { ...DEFAULTS, maxSources: 8_192, maxCount: 1_000, maxBytes: 1_048_576 };
    expect(page).toContain(`${(measured(edge) / 1_048_576).toFixed(1)} MiB reserved`);
  });

  test('its formula is what the core reserves, for chosen configurations', () => {
    for (const [name, of] of Object.entries(CONFIGURATIONS)) expect(measured(of), name).toBe(memoryBytes(of));
  });

  test('its formula is what the core reserves, for seeded ones', () => {
    const seed = 20_260_102;
    const random = randomFrom(seed);
    /** Sizes of every magnitude up to `max`. */
    const some = (min: number, max: number): number => Math.min(max, Math.floor(min + max ** random() - 1));
    for (let i = 0; i < 60; i++) {
      const of: Configuration = {
        limit: random() < 0.1 ? 0 : some(1, 200_000),
        maxSources: some(1, 200_000),
        maxCount: some(1, 30_000),
        maxBytes: some(4_096, 8_388_608),
        maxPayloadBytes: some(256, 4_096),
        maxRecords: some(16, 20_000),
      };
      expect(measured(of), `seed ${seed}, configuration ${i}: ${JSON.stringify(of)}`).toBe(memoryBytes(of));
    }
  });

  test('an item takes the blocks that it says, whatever its payload and head', () => {
    let memory: WebAssembly.Memory | undefined;
    const th = createTracehound({
      runtime: {
        ...node,
        core: () => {
          const instance = node.core();
          memory = instance.exports.memory as WebAssembly.Memory;
          return instance;
        },
      },
    });
    const blocks = (): number => {
      const view = new DataView(memory!.buffer);
      return view.getUint32(
        view.getUint32(abi.HEADER_AT + abi.HEADER_QUARANTINE, true) + abi.QUARANTINE_BLOCKS_USED,
        true,
      );
    };
    let made = 0;
    for (const bytes of [0, 1, 91, 92, 93, 256, 1_024, 4_000]) {
      for (const detector of ['', 'crs', 'x'.repeat(64)]) {
        for (const fingerprint of [undefined, 'one']) {
          th.id();
          const before = blocks();
          const category = `c${made++}`;
          const { status } = th.intercept({
            source: `10.0.${made >> 8}.${made & 255}`,
            payload: new Uint8Array(bytes).fill(made),
            threat: { category, severity: 'low', ...(detector === '' ? {} : { detector }) },
            ...(fingerprint === undefined ? {} : { fingerprint: fingerprint + made }),
          });
          expect(status).toBe('quarantined');
          const head = category.length + detector.length + (fingerprint === undefined ? 0 : 32);
          expect((blocks() - before) * 128, `${bytes} B, head of ${head}`).toBe(itemBytes(bytes, head));
        }
      }
    }
  });
});
