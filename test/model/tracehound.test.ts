/**
 * Guards the wired whole against its model: whatever is sent, asked and done, in whatever order and whatever the clock
 * says, every answer, every handle and every byte of the log is what the slow and obvious version says.
 *
 * Files: `assembly/intercept.ts`, `assembly/inbox.ts`.
 */
import { describe, expect, test } from 'vitest';
import type { PurgeReason, Scent, Severity, TracehoundOptions } from '../../src/index';
import { BUILDS, ground, SECRET, seeded, sha256hex, T0, windowOf } from '../ground';
import { encode, LogModel } from './log';
import { type Answer, type ModelScent, TracehoundModel } from './tracehound';

const STEPS = 160;
const SEEDS = 12;
const ORIGIN = 'test.example/whole';
const RECORDS = 64;
const SEVERITIES: Severity[] = ['low', 'medium', 'high', 'critical'];
const PURGES: PurgeReason[] = ['timeout', 'error', 'abort', 'panic', 'expired', 'erased'];
const DISPOSITIONS = ['none', 'refused', 'observed', 'passed'] as const;
const WHO = { actor: 'kim', purpose: 'triage', case: 'C-7' };

type Random = ReturnType<typeof seeded>;

/** Spellings of few addresses, groups of IPv6, keys: more sources than the table has places. */
const SOURCES: ModelScent['source'][] = [
  '192.0.2.7',
  '::ffff:192.0.2.7',
  '192.0.2.7:4711',
  '2001:db8:0:1::1',
  '2001:DB8:0:0001:0::2',
  '2001:db8:0:100::1',
  'not an address',
  { key: '192.0.2.7' },
  { key: 'tenant-é' },
  ...Array.from({ length: 24 }, (_, i) => `198.51.100.${i}`),
];

function scentOf(random: Random, bytesMax: number, receipt: boolean): { model: ModelScent; scent: Scent } {
  const pick = <T>(all: readonly T[]): T => all[random(all.length)]!;
  // A few hot sources, so that limits, shares and duplicates happen.
  const source = random(3) === 0 ? pick(SOURCES) : SOURCES[random(4)]!;
  const model: ModelScent = { source };
  const scent: Scent = { source };
  if (random(5) === 0) {
    const disposition = random(4) === 0 ? 2 : undefined;
    if (disposition !== undefined) {
      model.disposition = disposition;
      scent.disposition = 'observed';
    }
    return { model, scent };
  }
  const severity = random(9) === 0 ? undefined : random(4);
  const category = pick(['sqli', 'sqli', 'xss', 'a.long-category_'.padEnd(64, 'z'), undefined]);
  const detector = pick(['', 'crs', 'wäf'.padEnd(40, '-')]);
  const rule = pick([undefined, undefined, '942100 "quoted"']);
  model.threat = { category, severity, detector, rule };
  scent.threat = {
    category: category ?? 'NOT A CATEGORY',
    severity: severity === undefined ? ('grave' as Severity) : SEVERITIES[severity]!,
    ...(detector ? { detector } : {}),
    ...(rule ? { rule } : {}),
  };
  const letter = String.fromCharCode(97 + random(6));
  const size = pick([0, 1, 17, 17, 130, random(bytesMax), bytesMax, bytesMax + 1]);
  switch (random(8)) {
    case 0:
      break; // no payload: the source is what is signed
    case 1:
      scent.payload = 'ü'.repeat(Math.floor(size / 2));
      model.payload = Buffer.from(scent.payload);
      break;
    case 2:
      scent.payload = { [letter]: [1, size] };
      model.payload = Buffer.from(JSON.stringify(scent.payload));
      break;
    case 3:
      scent.payload = Number.NaN;
      model.payload = 'invalid';
      break;
    case 4: {
      // As many UTF-16 units as are allowed, and more bytes.
      scent.payload = 'ü'.repeat(bytesMax);
      Object.assign(model, { payload: 'too_large', size: bytesMax + 1 });
      break;
    }
    default:
      scent.payload = new Uint8Array(size).fill(letter.charCodeAt(0));
      model.payload = scent.payload as Uint8Array;
  }
  if (random(6) === 0) model.fingerprint = scent.fingerprint = `fingerprint ${random(3)}`;
  if (random(6) === 0) model.truncated = scent.truncated = true;
  if (random(4) === 0) {
    model.disposition = random(4);
    scent.disposition = DISPOSITIONS[model.disposition]!;
  }
  if (receipt && random(6) === 0) model.charged = true;
  return { model, scent };
}

function optionsOf(random: Random): { options: TracehoundOptions; shares: { shareCount: number; shareBytes: number } } {
  const maxPayloadBytes = 256 + random(200);
  const maxCount = 2 + random(12);
  const maxBytes = maxPayloadBytes + random(1_500);
  const maxShare = [1, 0.5, 0.25, 1 / 16][random(4)]!;
  const rateLimit = {
    windowMs: windowOf(32 + random(300)),
    limit: [1, 3, 8, 300][random(4)]!,
    blockMs: [0, 0, 150][random(3)]!,
    maxSources: 16,
    ipv6Prefix: [56, 64, 128][random(3)]!,
  };
  return {
    options: {
      rateLimit: random(4) === 0 ? false : rateLimit,
      quarantine: { maxCount, maxBytes, maxShare },
      maxPayloadBytes,
      audit: { origin: ORIGIN, maxRecords: RECORDS },
      secret: SECRET,
    },
    shares: {
      shareCount: Math.max(1, Math.floor(maxCount * maxShare)),
      shareBytes: Math.max(1, Math.floor(maxBytes * maxShare)),
    },
  };
}

/** Instance and model side by side. */
class Pair {
  readonly random: Random;
  readonly world: ReturnType<typeof ground>;
  readonly model: TracehoundModel;
  readonly log = new LogModel(RECORDS, ORIGIN);
  readonly options: TracehoundOptions;
  readonly happened = new Set<string>();

  constructor(build: (typeof BUILDS)[0], seed: number) {
    this.random = seeded(seed);
    const { options, shares } = optionsOf(this.random);
    this.options = options;
    this.world = ground(options, { core: build[1], seed, digest: seed % 2 === 0 });
    this.world.th.audit.head();
    this.model = new TracehoundModel(
      {
        rateLimit: options.rateLimit as false,
        quarantine: { ...(options.quarantine as { maxCount: number; maxBytes: number }), ...shares },
        maxPayloadBytes: options.maxPayloadBytes!,
        secret: SECRET,
        batches: this.world.batches,
      },
      T0,
    );
    this.model.said.push({ kind: 1, time: T0, sidecar: {} });
    this.check();
  }

  get th() {
    return this.world.th;
  }

  tick(): void {
    const { random, world } = this;
    const steps = [0, 0, 1, 3, 10, 30, 200];
    const way = random(80);
    if (way < 2) world.now += 10_000_000;
    else if (way < 4) world.now -= 10_000_000;
    else if (way < 10) world.now -= random(60);
    else world.now += steps[random(steps.length)]!;
  }

  /** Both wrote the same records, hold the same items, say the same sums. */
  check(settled = false): void {
    const { th, model, log } = this;
    const from = log.size;
    const { records, details } = th.audit.export({ from });
    for (const saying of model.said) {
      const { sidecar, ...fields } = saying;
      const record = records[log.size - from]!;
      if (sidecar) {
        const bytes = details[log.size - from]!;
        expect(sha256hex(bytes), 'a sidecar is what its record commits to').toBe(
          Buffer.from(record.subarray(112, 144)).toString('hex'),
        );
        expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject(sidecar);
        Object.assign(fields, { flags: (fields.flags ?? 0) | 1, detail: record.slice(112, 144) });
      }
      const seq = log.append(fields);
      if (saying.kind === 2) model.settleSeq(seq);
    }
    model.said = [];
    if (settled) log.flush(this.world.now);
    const expected = log.records.slice(from).map((record) => record.toString('hex'));
    expect(
      records.map((record) => Buffer.from(record).toString('hex')),
      'records',
    ).toEqual(expected);
    expect(th.audit.head()).toEqual({ origin: ORIGIN, size: log.size, root: log.root() });
    expect(th.audit.verify()).toEqual({ ok: true, from: log.heldFrom, to: log.size, gaps: log.lost });
    const items = [...model.quarantine.items].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(th.quarantine.list(), 'list').toEqual(items.map((item) => model.handle(item)));
    expect(th.quarantine.stats).toEqual({
      count: items.length,
      bytes: model.quarantine.bytes,
      bySeverity: Object.fromEntries(SEVERITIES.map((word, i) => [word, items.filter((x) => x.severity === i).length])),
    });
    expect(th.watcher.snapshot().totals).toMatchObject(model.totals);
  }

  /** The same answer, once the newest item knows its number. */
  same(actual: object, answer: Answer): void {
    this.check();
    this.happened.add(`${answer.status} ${String(answer.reason ?? '')}`.trim());
    const { evidence, ...rest } = answer;
    expect(actual).toEqual(evidence ? { ...rest, evidence: this.model.handle(evidence) } : rest);
  }

  step(): void {
    const { random, model, th, world } = this;
    this.tick();
    const { now } = world;
    const limited = this.options.rateLimit !== false;
    const act = random(100);
    if (act < 68) {
      const { model: modelled, scent } = scentOf(random, this.options.maxPayloadBytes!, limited);
      if (modelled.charged) {
        const rate = { ...th.rateLimiter.peek('192.0.2.250'), allowed: true };
        const expected = model.check(now, '192.0.2.250', 1, true);
        expect(rate).toEqual({ ...expected, allowed: true });
        scent.rate = rate;
        const answer = th.intercept(scent);
        expect((answer as { rate?: unknown }).rate).toEqual(rate);
        this.same({ ...answer, rate: undefined }, { ...model.intercept(now, modelled), rate: undefined } as Answer);
      } else {
        const answer = th.intercept(scent);
        this.same(answer, model.intercept(now, modelled));
      }
    } else if (act < 76 && limited) {
      const cost = 1 + random((this.options.rateLimit as { limit: number }).limit);
      const peek = random(2) === 0;
      const source = SOURCES[random(SOURCES.length)]!;
      const rate = peek ? th.rateLimiter.peek(source, cost) : th.rateLimiter.check(source, cost);
      expect(rate).toEqual(model.check(now, source, cost, peek));
    } else if (act < 80 && limited) {
      const source = SOURCES[random(8)]!;
      model.acting = random(2) === 0 ? WHO : undefined;
      const who = model.acting && WHO;
      switch (random(3)) {
        case 0:
          th.rateLimiter.reset(source, who);
          model.reset(now, source);
          break;
        case 1: {
          const ms = 1 + random(400);
          th.rateLimiter.block(source, ms, who);
          model.block(now, source, ms);
          break;
        }
        default:
          expect(th.rateLimiter.unblock(source, who)).toBe(model.unblock(now, source));
      }
    } else if (act < 84) {
      const disposition = random(4);
      const timeout = random(2) === 0;
      const source = SOURCES[random(6)]!;
      th.http.counters.uninspected(source, DISPOSITIONS[disposition]!, timeout ? 'timeout' : 'threw');
      model.uninspected(now, source, disposition, timeout ? 2 : 1);
    } else if (act < 85) {
      expect(th.id()).toBe(model.makeId(now));
    } else if (act < 88) {
      const to = random(this.log.size + 1);
      th.audit.release(to);
      this.log.release(to);
    } else if (act < 90) {
      this.settle(false);
    } else this.custody(now);
    this.check();
  }

  custody(now: number): void {
    const { random, model, th } = this;
    const item = model.quarantine.items[random(model.quarantine.items.length)];
    if (item === undefined) return;
    const signature = `${item.category}:${item.hash}`;
    model.acting = random(2) === 0 ? WHO : undefined;
    const who = model.acting && WHO;
    switch (random(5)) {
      case 0:
        expect(th.quarantine.neutralize(signature, who)).toBe(true);
        model.neutralize(now, item);
        break;
      case 1: {
        const reason = random(PURGES.length);
        expect(th.quarantine.purge(signature, PURGES[reason]!, who)).toBe(true);
        model.purge(now, item, reason + 1);
        break;
      }
      case 2: {
        const { model: modelled, scent } = scentOf(random, this.options.maxPayloadBytes!, false);
        if (!modelled.threat) break;
        this.same(th.quarantine.replace(signature, scent, who), model.replace(now, item, modelled));
        break;
      }
      case 3:
        if (random(3) > 0) break;
        th.quarantine.purgeAll(who);
        model.flush(now, this.idsSaid('PURGED'));
        break;
      default:
        expect(Buffer.from(th.quarantine.read(signature, who))).toEqual(model.read(now, item));
        expect(th.quarantine.find(th.http.keys.traceId(model.handle(item).id as string))?.signature).toBe(signature);
    }
  }

  settle(closing: boolean): void {
    const { model, th } = this;
    // Both run to their end before they return their promise.
    void (closing ? th.close() : th.audit.flush());
    const order = this.idsSaid('DUPLICATE');
    expect([...order].sort()).toEqual(model.owing.sort());
    model.settle(this.world.now, closing, order);
    this.check(true);
  }

  /** Ids named by records of one kind that the model has not said yet. */
  idsSaid(kind: 'PURGED' | 'DUPLICATE'): string[] {
    const code = kind === 'PURGED' ? 5 : 17;
    return this.th.audit
      .export({ from: this.log.size })
      .records.filter((record) => record[1] === code)
      .map((record) => Buffer.from(record.subarray(24, 40)).toString('hex'));
  }
}

describe.each(BUILDS)('the whole, on the %s build', (...build) => {
  const happened = new Set<string>();

  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))('says what its model says, seed %i', (seed) => {
    const pair = new Pair(build, seed);
    for (let i = 0; i < STEPS; i++) {
      try {
        pair.step();
      } catch (error) {
        (error as Error).message = `seed ${seed}, step ${i}: ${(error as Error).message}`;
        throw error;
      }
    }
    for (const each of pair.happened) happened.add(each);
  });

  test('and everything that can happen did', () => {
    expect([...happened].sort()).toEqual([
      'clean',
      'dropped capacity',
      'dropped invalid',
      'duplicate',
      'payload_too_large',
      'quarantined',
      'rate_limited',
    ]);
  });
});

test('a record is 176 bytes', () => {
  expect(encode({ kind: 1, time: 0 }, 0, new Uint8Array(32)).length).toBe(176);
});
