/**
 * Guards docs/format.md: its worked example is re-computed from its own inputs, by the model and by both builds of the
 * core; and its tables name every kind, reason and flag that the core knows, and no other.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { encode, genesisPrev, leafHash, nodeHash, sha256 } from '../model/log.ts';
import { builds, DigestCore, INPUT, OUTPUT } from './digest-core.ts';

const page = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8');
const block = page.match(/## A worked example[\s\S]*?```text\n([\s\S]*?)\n```/)![1]!;
const said = new Map(block.split('\n').map((line) => line.split(/ = (.*)/s).slice(0, 2) as [string, string]));
const text = (name: string): string => said.get(name) ?? expect.fail(`docs/format.md: the example has no '${name}'`);
const hex = (name: string): Buffer => Buffer.from(text(name), 'hex');
const [first, second] = [1_700_000_000_000, 1_700_000_000_001];
const SALT = INPUT + 0x400;
const HASH = INPUT + 0x420;

/** Rows of the table under a heading, as lists of cells. */
const rows = (heading: string): string[][] =>
  page
    .split(new RegExp(`^#+ ${heading}$`, 'm'))[1]!
    .split(/^#+ /m)[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim()),
    );

describe('docs/format.md', () => {
  test('the worked example follows from its inputs', () => {
    const hash = sha256(text('payload'));
    expect(text('payload hash')).toBe(hash.toString('hex'));
    expect(text('signature')).toBe(`sqli:${hash.toString('hex')}`);
    const address = text('source').split('.').map(Number);
    expect(hex('canonical source')).toEqual(Buffer.from([4, ...address]));
    expect(hex('source tag')).toEqual(createHmac('sha256', hex('tag key')).update(hex('canonical source')).digest());
    expect(hex('payload commitment')).toEqual(sha256(Uint8Array.of(2), hex('salt'), hash));
    expect(hex('detail commitment')).toEqual(sha256(Uint8Array.of(3), hex('salt'), text('signature')));
    expect(hex('link of record 0')).toEqual(genesisPrev(text('origin')));
    const genesis = { kind: abi.KIND_GENESIS, time: first, flags: 1, detail: sha256(text('sidecar')) };
    expect(hex('record 0')).toEqual(encode(genesis, 0, hex('link of record 0')));
    expect(hex('leaf 0')).toEqual(leafHash(hex('record 0')));
    const quarantined = {
      kind: abi.KIND_QUARANTINED,
      time: second,
      severity: 2,
      disposition: 1,
      id: hex('evidence id'),
      length: text('payload').length,
      count: 1,
      payload: hex('payload commitment'),
      detail: hex('detail commitment'),
      source: hex('source tag'),
    };
    expect(hex('record 1')).toEqual(encode(quarantined, 1, hex('leaf 0')));
    expect(hex('leaf 1')).toEqual(leafHash(hex('record 1')));
    expect(hex('root of 2')).toEqual(nodeHash(hex('leaf 0'), hex('leaf 1')));
  });

  test.each(builds)('the core writes the worked example, %s', (build) => {
    const core = new DigestCore(build, 16);
    const e = core.exports;
    core.origin(text('origin'));
    e.auditKey(core.put(hex('tag key')));
    core.put(hex('salt'), SALT);

    let record = e.recordBegin(abi.KIND_GENESIS, first);
    e.recordFlags(abi.FLAG_SIDECAR);
    e.sha256(core.put(text('sidecar')), text('sidecar').length, record + abi.LOG_DETAIL);
    e.recordCommit();

    record = e.recordBegin(abi.KIND_QUARANTINED, second);
    e.recordSeverity(2);
    e.recordDisposition(abi.DISPOSITION_REFUSED);
    e.recordId(core.put(hex('evidence id')));
    e.recordLength(text('payload').length);
    e.recordCount(1);
    e.sha256(core.put(text('payload')), text('payload').length, HASH);
    e.commitPayload(SALT, HASH, record + abi.LOG_PAYLOAD);
    e.commitDetail(SALT, core.put(text('signature')), text('signature').length, record + abi.LOG_DETAIL);
    e.sourceTag(core.put(hex('canonical source')), hex('canonical source').length, OUTPUT);
    e.recordSource(OUTPUT);
    e.recordCommit();

    expect(core.record(0)).toEqual(hex('record 0'));
    expect(core.record(1)).toEqual(hex('record 1'));
    expect(core.prev()).toBe(text('leaf 1'));
    expect(core.root()).toBe(text('root of 2'));
  });

  const constants = (prefix: string): Record<string, number> =>
    Object.fromEntries(Object.entries(abi).filter(([name]) => name.startsWith(prefix)));

  test('its tables name every kind and every flag of the core, and no other', () => {
    const { KIND_LAST, ...kinds } = constants('KIND_');
    expect(Object.fromEntries(rows('Kinds').map(([code, name]) => [`KIND_${name}`, Number(code)]))).toEqual(kinds);
    expect(KIND_LAST).toBe(rows('Kinds').length);
    const { FLAGS_KNOWN, ...flags } = constants('FLAG');
    const bits = rows('Flags').map(([bit]) => Number(bit));
    expect(bits).toEqual(Object.values(flags));
    expect(FLAGS_KNOWN).toBe(bits.reduce((sum, bit) => sum | bit, 0));
  });

  test('its layout is that of the core: fields follow on one another and fill the record', () => {
    const layout = rows('The record: 176 bytes').map(([at, bytes]) => [Number(at), Number(bytes)] as const);
    let end = 0;
    for (const [at, bytes] of layout) {
      expect(at).toBe(end);
      end += bytes;
    }
    expect(end).toBe(abi.LOG_BYTES);
    const { LOG_BYTES, LOG_FORMAT, ...offsets } = constants('LOG_');
    expect(layout.map(([at]) => at)).toEqual(Object.values(offsets));
  });

  test('its reasons are as many as the core knows', () => {
    const known = Object.keys(constants('REASON_')).length - 1;
    const named = rows('Reasons').flatMap(([kind, reasons]) => (kind === 'others' ? [] : reasons!.split(' · ')));
    expect(named.length).toBe(known);
  });
});
