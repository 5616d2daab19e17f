/**
 * Guards src/engine/link.ts: a core that is not ours, or that lays out its memory in another way than the host, is refused
 * before it is asked anything; what is taken of it lies where it says.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { link } from '../../../src/engine/link';
import type { CoreExports, CoreInstance } from '../../../src/types/index';
import { BUILDS } from '../../ground';
import { configOf } from '../../lab/core';

const config = configOf();

describe.each(BUILDS)('a core of the %s build', (_, instantiate) => {
  /** A core whose header says `value` at `field` once it has begun. */
  const lying = (field: number, value: number): CoreInstance => {
    const { exports } = instantiate();
    const memory = exports.memory as { buffer: ArrayBuffer };
    const init = (): void => {
      (exports.init as () => void)();
      new DataView(memory.buffer).setUint32(abi.HEADER_AT + field, value, true);
    };
    return { exports: { ...exports, memory, init } as CoreExports };
  };

  it.each([
    ['magic', abi.HEADER_MAGIC, 0],
    ['ABI version', abi.HEADER_ABI, abi.ABI_VERSION + 1],
    ['ABI version', abi.HEADER_ABI, abi.ABI_VERSION - 1],
    ['arena end', abi.HEADER_ARENA_NEXT, 64],
  ])('of another %s is refused, with both values', (part, field, value) => {
    const refused = expect.objectContaining({
      code: 'CORE_START',
      message: expect.stringMatching(new RegExp(`^core: another ${part}, expected \\d+, got ${value}$`)),
    });
    expect(() => link(lying(field, value), config, undefined)).toThrow(refused);
  });

  it('has all of its regions in its memory, one after the other, and one memory under every view', () => {
    const core = link(instantiate(), config, undefined);
    const { limiter, tags, sources, quarantine, slots, slab, audit, ring } = core.places;
    const places = [limiter, tags, sources, quarantine, slots, slab, audit, ring];
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    expect(limiter).toBeGreaterThanOrEqual(abi.ARENA_AT);
    expect(ring + config.maxRecords * abi.LOG_BYTES).toBe(
      core.view.getUint32(abi.HEADER_AT + abi.HEADER_ARENA_NEXT, true),
    );
    expect(core.payload).toHaveLength(config.maxPayloadBytes);
    expect(core.source).toHaveLength(abi.SOURCE_BYTES_MAX);
    core.payload[0] = 0xab;
    core.source[1] = 0xcd;
    expect(core.bytes[core.payload.byteOffset]).toBe(0xab);
    expect(core.view.getUint8(abi.INBOX_AT + abi.INBOX_SOURCE + 1)).toBe(0xcd);
    for (const { buffer } of [core.view, core.u32, core.f64, core.payload, core.source])
      expect(buffer).toBe(core.bytes.buffer);
  });

  it('without a limiter has no place for one', () => {
    expect(link(instantiate(), configOf({ limit: 0 }), undefined).places.limiter).toBe(0);
  });
});

it('what has no exports or no memory of ours, or traps as it begins, is no core', () => {
  const memory = { buffer: new ArrayBuffer(65_536) };
  const init = (): void => {};
  for (const exports of [{}, { init }, { memory }, { init, memory: {} }, { init: 7, memory }]) {
    expect(() => link({ exports: exports as never }, config, undefined)).toThrow(/not a Tracehound core/);
  }
  const cause = new Error('unreachable');
  const trap = (): never => {
    throw cause;
  };
  expect(() => link({ exports: { init: trap, memory } as never }, config, undefined)).toThrow(
    expect.objectContaining({ code: 'CORE_START', cause }),
  );
  expect(() => link({ exports: { init, memory } as never }, config, undefined)).toThrow(/another magic/);
});
