/**
 * What is kept, what it is called, who must leave, and ids.
 */
import { same, that, thrown } from '../assert';
import { type Case, evidenceOf, THREAT } from '../stage';
import { sha256 } from '../world';

/** SHA-256 of `{"q":"' OR 1=1"}`. */
const HASH = '188aaac56430262f70ecad568d4a2dc3477ce4464232402c6d8f81b57d85fca8';
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-[0-9a-f]{16}$/;

export const evidence: readonly Case[] = [
  {
    part: 'evidence',
    promise: 'quarantines a threat under its category and the hash of what it sent',
    run: async ({ instance }) => {
      const { th, world } = instance();
      const handle = evidenceOf(th.intercept({ source: 'x', threat: THREAT, payload: { q: "' OR 1=1" } }));
      const { signature, hash, size, severity, seen, truncated, capturedAt, disposition } = handle;
      same(
        { signature, hash, size, severity, seen, truncated, capturedAt, disposition },
        {
          ...{ signature: `sqli:${HASH}`, hash: HASH, size: 16, severity: 'high', seen: 1, truncated: false },
          ...{ capturedAt: world.now, disposition: 'refused' },
        },
        'handle',
      );
      that(ID.test(handle.id), `expected an id, got ${handle.id}`);
      that(Object.isFrozen(handle), 'expected a frozen handle');
      same(new TextDecoder().decode(th.quarantine.read(signature)), `{"q":"' OR 1=1"}`, 'bytes');
    },
  },
  {
    part: 'evidence',
    promise: 'counts a repeat, keeps one copy, and believes the graver severity',
    run: async ({ instance }) => {
      const { th } = instance();
      th.intercept({ source: 'x', threat: { category: 'xss', severity: 'low' }, payload: 'a' });
      const again = th.intercept({ source: 'y', threat: { category: 'xss', severity: 'critical' }, payload: 'a' });
      same(again.status, 'duplicate', 'status');
      same([evidenceOf(again).seen, evidenceOf(again).severity], [2, 'critical'], 'seen and severity');
      same(th.quarantine.stats.count, 1, 'items');
    },
  },
  {
    part: 'evidence',
    promise: 'gives back every byte, whatever the length, hashed as the platform hashes',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false, quarantine: { maxCount: 64, maxBytes: 262_144 } });
      for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 1_000, 4_096, 8_191, 8_192, 20_000]) {
        const payload = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff);
        for (const result of [
          th.intercept({ source: 'x', threat: THREAT, payload }),
          await th.interceptAsync({ source: 'x', threat: { ...THREAT, category: 'other' }, payload }),
        ]) {
          const handle = evidenceOf(result);
          same(handle.hash, await sha256(payload), `hash of ${length} bytes`);
          same(th.quarantine.read(handle.signature), payload, `${length} bytes`);
        }
      }
    },
  },
  {
    part: 'evidence',
    promise: 'writes JSON as RFC 8785 does: numbers, keys and escapes in one spelling',
    run: async ({ instance }) => {
      const { th } = instance();
      const payload = {
        numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0],
        string: '€$\u000f\nA\'B"\\\\"/',
        literals: [null, true, false],
        '\u20ac': 'Euro Sign',
        '\r': 'Carriage Return',
        '\u{1f600}': 'Emoji',
        '\ufb33': 'Hebrew',
        '1': 'One',
      };
      const { signature } = evidenceOf(th.intercept({ source: 'x', threat: THREAT, payload }));
      same(
        new TextDecoder().decode(th.quarantine.read(signature)),
        '{"\\r":"Carriage Return","1":"One","literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],' +
          '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","€":"Euro Sign","😀":"Emoji","\ufb33":"Hebrew"}',
        'canonical text',
      );
    },
  },
  {
    part: 'evidence',
    promise: 'makes room for the graver, never for the slighter',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false, quarantine: { maxCount: 2, maxBytes: 4_096, maxShare: 1 } });
      const send = (severity: 'low' | 'high' | 'critical', payload: string) =>
        th.intercept({ source: 'x', threat: { category: 'c', severity }, payload });
      const low = evidenceOf(send('low', 'a'));
      send('high', 'b');
      same(send('critical', 'c').status, 'quarantined', 'graver');
      that(!th.quarantine.has(low.signature), 'expected the slightest to have left');
      const dropped = send('low', 'd');
      that(dropped.status === 'dropped' && dropped.reason === 'capacity', `expected a drop, got ${dropped.status}`);
      same(th.quarantine.stats.count, 2, 'items');
    },
  },
  {
    part: 'evidence',
    promise: 'says what is too large, by size, before it copies',
    run: async ({ instance }) => {
      const { th } = instance({ maxPayloadBytes: 1_024 });
      const result = th.intercept({ source: 'x', threat: THREAT, payload: new Uint8Array(1_025) });
      that(result.status === 'payload_too_large', `expected payload_too_large, got ${result.status}`);
      same([result.limit, result.size], [1_024, 1_025], 'limit and size');
      same(
        th.intercept({ source: 'x', threat: THREAT, payload: '€'.repeat(400) }).status,
        'payload_too_large',
        'UTF-8',
      );
    },
  },
  {
    part: 'evidence',
    promise: 'ends an item once, and then holds none of it',
    run: async ({ instance }) => {
      const { th } = instance();
      const { signature } = evidenceOf(th.intercept({ source: 'x', threat: THREAT, payload: 'a' }));
      const copy = th.quarantine.read(signature);
      copy.fill(0);
      same(new TextDecoder().decode(th.quarantine.read(signature)), 'a', 'what is held, after a copy was damaged');
      same([th.quarantine.neutralize(signature), th.quarantine.neutralize(signature)], [true, false], 'neutralize');
      same((await thrown(() => th.quarantine.read(signature), 'read')).code, 'NOT_FOUND', 'code');
      same(
        th.quarantine.stats,
        { count: 0, bytes: 0, bySeverity: { low: 0, medium: 0, high: 0, critical: 0 } },
        'stats',
      );
    },
  },
  {
    part: 'ids',
    promise: 'makes ids that rise, also within a millisecond and when the clock runs back',
    run: async ({ instance }) => {
      const { th, world } = instance();
      let last = '';
      for (let i = 0; i < 200; i++) {
        if (i === 100) world.now -= 10_000;
        const id = th.id();
        that(ID.test(id), `expected an id, got ${id}`);
        that(id.slice(0, 36) > last.slice(0, 36), `expected ${id} to come after ${last}`);
        last = id;
      }
    },
  },
  {
    part: 'ids',
    promise: 'draws on what the runtime calls random, anew for each instance',
    run: async ({ instance }) => {
      const [one, other, again] = [instance({}, 1), instance({}, 2), instance({}, 1)];
      that(one.th.id() !== other.th.id(), 'expected two seeds to give two ids');
      same(again.th.id(), instance({}, 1).th.id(), 'ids of one seed');
    },
  },
];
