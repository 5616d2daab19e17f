/**
 * Guards `src/instance/config.ts`, and the options of `src/log/index.ts`: a wrong option stops the start with a sentence that names it, and never repeats what was given.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TracehoundError } from '../../../src/errors';
import { resolveOptions as resolve } from '../../../src/instance/config';
import { heldLog, storedLog } from '../../../src/log/index';
import type { LogPlug } from '../../../src/log/keeper';

const MiB = 1_048_576;
/** A verifier key from the tests of golang.org/x/mod sumdb/note. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';

/** Who keeps a log when nothing is said. */
const HELD = heldLog() as LogPlug;
const resolveOptions = (options?: unknown): ReturnType<typeof resolve> => resolve(options, HELD);

const attempt = (work: () => unknown): Error | undefined => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  return undefined;
};
const failureOf = (work: () => unknown): Error => attempt(work) ?? expect.unreachable('was accepted');
const failure = (options: unknown): Error => failureOf(() => resolveOptions(options));
const STORE = {
  putIfAbsent: async () => 'created' as const,
  get: async () => undefined,
  swap: async () => 'swapped' as const,
};
const set = (path: string, value: unknown): object => {
  const [group, name] = path.split('.') as [string, string | undefined];
  return name === undefined ? { [group]: value } : { [group]: { [name]: value } };
};

describe('without options', () => {
  it('every default is the documented one', () => {
    const defaults = {
      rateLimit: { windowMs: 60_000, limit: 100, blockMs: 0, maxSources: 65_536, ipv6Prefix: 56 },
      quarantine: { maxCount: 10_000, maxBytes: 16 * MiB, maxShare: 1 / 16 },
      maxPayloadBytes: 65_536,
      authorize: undefined,
      audit: {
        origin: 'local/{instance}',
        maxRecords: 4_096,
        signer: undefined,
        log: HELD,
      },
      secret: undefined,
      formerSecrets: [],
      failMode: 'open',
      quiet: false,
      clock: undefined,
      runtime: undefined,
      module: undefined,
      restore: undefined,
    };
    expect(resolveOptions()).toEqual(defaults);
    expect(resolveOptions({})).toEqual(defaults);
    expect(resolveOptions({ rateLimit: {}, quarantine: {}, audit: {}, sinks: undefined })).toEqual(defaults);
  });

  it('an undefined option is an absent one', () => {
    const names = ['rateLimit', 'quarantine', 'maxPayloadBytes', 'audit', 'secret', 'failMode', 'runtime', 'clock'];
    for (const name of names) expect(resolveOptions({ [name]: undefined })).toEqual(resolveOptions());
  });

  it('the result cannot be changed', () => {
    const resolved = resolveOptions();
    for (const part of [resolved, resolved.rateLimit, resolved.quarantine, resolved.audit]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('numbers', () => {
  const bounds: [string, number, number][] = [
    ['rateLimit.windowMs', 32, 2 ** 40],
    ['rateLimit.limit', 1, 2 ** 31 - 1],
    ['rateLimit.blockMs', 0, 2 ** 40],
    ['rateLimit.maxSources', 1, 2 ** 24],
    ['rateLimit.ipv6Prefix', 1, 128],
    ['quarantine.maxCount', 1, 4_194_304],
    ['quarantine.maxBytes', 1, 2 ** 30],
    ['maxPayloadBytes', 256, 2 ** 26],
    ['audit.maxRecords', 16, MiB],
  ];
  const room = { quarantine: { maxBytes: 2 ** 30 } };
  const get = (resolved: object, path: string): unknown =>
    path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], resolved);

  /** Where a number that is given as `path` is looked at. */
  type Given = (path: string, value: unknown) => Error | undefined;
  const asOption: Given = (path, value) => attempt(() => resolveOptions(set(path, value)));
  const ofLog: Given = (path, value) => {
    const [maker, name] = path.split('.') as [string, string];
    return attempt(() => (maker === 'heldLog' ? heldLog({ [name]: value }) : storedLog(STORE, { [name]: value })));
  };
  const logs: [string, number, number][] = [
    ['storedLog.checkpointMs', 50, 60_000],
    ['storedLog.heartbeatMs', 1_000, 86_400_000],
    ['storedLog.rotateMs', 1_000, 2 ** 40],
    ['heldLog.rotateMs', 1_000, 2 ** 40],
  ];

  for (const [path, min, max] of bounds) {
    it(`${path} is handed on`, () => {
      for (const value of [min, min + 1, max]) {
        expect(get(resolveOptions({ ...room, ...set(path, value) }), path)).toBe(value);
      }
    });
  }

  const all = [...bounds.map((each) => [...each, asOption] as const), ...logs.map((each) => [...each, ofLog] as const)];
  for (const [path, min, max, given] of all) {
    const failure = (value: unknown): Error => given(path, value) ?? expect.unreachable('was accepted');
    it(`${path} takes the integers from ${min} to ${max}, and nothing else`, () => {
      if (given === ofLog) for (const value of [min, min + 1, max]) expect(given(path, value)).toBe(undefined);
      for (const value of [min - 1, -max]) {
        const error = failure(value);
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toMatch(`${path}: too small, expected an integer ≥ ${min}`);
        expect(error.message).toMatch(new RegExp(`, got ${value}$`));
      }
      expect(failure(max + 1).message).toMatch(`${path}: too large, expected an integer ≤ ${max}`);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, min + 0.5]) {
        const error = failure(value);
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toMatch(`${path}: not an integer, expected an integer from ${min} to ${max}`);
      }
      for (const value of [String(min), null, true, [min], { valueOf: () => min }, BigInt(min), () => min]) {
        const error = failure(value);
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toMatch(`${path}: wrong kind, expected an integer from ${min} to ${max}`);
      }
    });
  }

  it('say their unit', () => {
    expect(failure({ rateLimit: { windowMs: -5 } }).message).toBe(
      'rateLimit.windowMs: too small, expected an integer ≥ 32 (ms), got -5',
    );
    expect(failure({ rateLimit: { limit: 1.5 } }).message).toBe(
      'rateLimit.limit: not an integer, expected an integer from 1 to 2147483647, got 1.5',
    );
  });

  it('that are seconds are asked about, because nobody would ever be limited', () => {
    expect(failure({ rateLimit: { windowMs: 15 } }).message).toBe(
      'rateLimit.windowMs: too small, expected an integer ≥ 32 (ms; 15 s are 15000), got 15',
    );
    expect(failure({ rateLimit: { windowMs: 60 } }).message).toBe(
      'rateLimit.windowMs: 60 ms?, expected ms (60 s are 60000), got 60',
    );
    for (const windowMs of [59, 61])
      expect(resolveOptions({ rateLimit: { windowMs } })).toMatchObject({ rateLimit: { windowMs } });
  });

  it('have one zero', () => {
    expect(resolveOptions({ rateLimit: { blockMs: -0 } }).rateLimit).toHaveProperty('blockMs', 0);
  });

  it('maxShare is above 0 and at most 1', () => {
    for (const value of [1, 0.5, Number.MIN_VALUE]) {
      expect(resolveOptions({ quarantine: { maxShare: value } }).quarantine.maxShare).toBe(value);
    }
    for (const value of [0, -1, 1.01, Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = failure({ quarantine: { maxShare: value } });
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe(
        `quarantine.maxShare: out of range, expected a number above 0, at most 1, got ${value}`,
      );
    }
    expect(failure({ quarantine: { maxShare: '1' } })).toBeInstanceOf(TypeError);
  });

  it('a payload bound above the store is refused where it was asked for, naming both', () => {
    const error = failure({ maxPayloadBytes: 2_000, quarantine: { maxBytes: 1_000 } });
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe(
      'maxPayloadBytes: can never be held, expected at most quarantine.maxBytes (1000), got 2000',
    );
    expect(failure({ maxPayloadBytes: 32 * MiB }).message).toMatch(/quarantine\.maxBytes \(16777216\), got 33554432$/);
    expect(resolveOptions({ maxPayloadBytes: 1_000, quarantine: { maxBytes: 1_000 } }).maxPayloadBytes).toBe(1_000);
    expect(resolveOptions({ quarantine: { maxBytes: 1_000 } })).toMatchObject({ maxPayloadBytes: 65_536 });
  });
});

describe('groups', () => {
  it('rateLimit may be false, and only false', () => {
    expect(resolveOptions({ rateLimit: false }).rateLimit).toBe(false);
    const error = failure({ rateLimit: true });
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('rateLimit: wrong kind, expected an object or false, got true');
  });

  it('are objects, all of them', () => {
    for (const value of [null, 5, 'x', true, [], () => ({}), Symbol('x')]) {
      expect(failure(value)).toBeInstanceOf(TypeError);
      expect(failure(value).message).toMatch(/^options: wrong kind, expected an object, got /);
      for (const name of ['quarantine', 'audit', 'restore', 'module', 'runtime']) {
        expect(failure({ [name]: value })).toBeInstanceOf(TypeError);
        expect(failure({ [name]: value }).message).toMatch(new RegExp(`^${name}: wrong kind, expected `));
      }
    }
  });

  it('count only what is their own: a polluted prototype configures nothing', () => {
    const options = Object.create({ failMode: 'closed', rateLimit: false, nonsense: 1 });
    expect(resolveOptions(options)).toEqual(resolveOptions());
    expect(resolveOptions(JSON.parse('{"rateLimit":{}}'))).toEqual(resolveOptions());
    expect(failure(JSON.parse('{"__proto__":{"failMode":"closed"}}')).message).toMatch(/^\?: no such option/);
  });

  it('may be frozen, have no prototype, or carry symbols', () => {
    const bare = Object.assign(Object.create(null), { failMode: 'closed', [Symbol('mark')]: 1 });
    expect(resolveOptions(Object.freeze(bare)).failMode).toBe('closed');
  });

  it('are read once, each property', () => {
    const reads: string[] = [];
    const once = (target: object): object =>
      new Proxy(target, {
        get: (object, key) => {
          reads.push(String(key));
          return reads.indexOf(String(key)) === reads.length - 1 ? Reflect.get(object, key) : Number.NaN;
        },
      });
    const options = once({ rateLimit: once({ windowMs: 64 }), maxPayloadBytes: 512, failMode: 'closed' });
    expect(resolveOptions(options)).toMatchObject({ rateLimit: { windowMs: 64 }, maxPayloadBytes: 512 });
    expect(reads.sort()).toEqual(['failMode', 'maxPayloadBytes', 'rateLimit', 'windowMs']);
  });

  it('that throw are named, with the cause', () => {
    const cause = new Error('boom');
    const boom = () => {
      throw cause;
    };
    const getter = failure({ audit: Object.defineProperty({}, 'origin', { get: boom, enumerable: true }) });
    expect(getter).toBeInstanceOf(TypeError);
    expect(getter.message).toBe('audit.origin: not readable, expected a value, got an exception');
    expect(getter.cause).toBe(cause);
    expect(failure(new Proxy({}, { ownKeys: boom })).message).toMatch(/^options: not readable/);
  });
});

describe('names', () => {
  it('that are misspelt are refused, with the one that was meant', () => {
    for (const [options, part, meant] of [
      [{ ratelimit: {} }, 'ratelimit', 'rateLimit'],
      [{ rateLimit: { windowMS: 5 } }, 'rateLimit.windowMS', 'windowMs'],
      [{ rateLimit: { window: 5 } }, 'rateLimit.window', 'windowMs'],
      [{ quarantine: { maxcount: 5 } }, 'quarantine.maxcount', 'maxCount'],
      [{ quarantine: { maxByte: 5 } }, 'quarantine.maxByte', 'maxBytes'],
      [{ audit: { orgin: 'x' } }, 'audit.orgin', 'origin'],
      [{ failmode: 'open' }, 'failmode', 'failMode'],
      [{ sink: [] }, 'sink', 'sinks'],
    ] as const) {
      const error = failure(options);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(`${part}: no such option (did you mean \`${meant}\`?), expected one of `);
      expect(error.message).toMatch(/, got another name$/);
    }
  });

  it('that are nothing like one are refused without a guess', () => {
    for (const name of ['xyzzy', 'hunter2', 'rateLimitRateLimitRateLimit', 'r'.repeat(40)]) {
      expect(failure({ [name]: 1 }).message).toMatch(/^\?: no such option, expected one of rateLimit, /);
    }
  });

  it('of what is offered hold only what is accepted', () => {
    const offered = /expected one of (.+), got/.exec(failure({ xyzzy: 1 }).message)?.[1]?.split(', ') ?? [];
    expect(offered).toHaveLength(11);
    for (const name of offered) expect(attempt(() => resolveOptions({ [name]: undefined }))).toBe(undefined);
    const given = {
      rateLimit: false,
      quarantine: {},
      maxPayloadBytes: 512,
      audit: {},
      failMode: 'open',
      clock: () => 0,
    };
    for (const [name, value] of Object.entries(given)) {
      expect(offered).toContain(name);
      resolveOptions({ [name]: value });
    }
    expect(offered).not.toContain('sinks');
  });

  it('that nobody could have typed are not repeated', () => {
    for (const name of ['hunter2 hunter2', '-----BEGIN KEY', 'a'.repeat(33), '\u001b[31m', '']) {
      expect(failure({ audit: { [name]: 1 } }).message).toMatch(/^audit\.\?: no such option, /);
    }
  });

  it('of later versions are refused honestly, not ignored', () => {
    const later = ['coldStorage', 'sinks', 'ledger', 'hounds', 'failsafe', 'trust', 'lanes', 'scheduler'];
    for (const name of later) {
      const error = failure({ [name]: {} });
      expect(error).toBeInstanceOf(TracehoundError);
      expect(error).toMatchObject({
        code: 'UNSUPPORTED',
        recoverable: false,
        message: `${name}: not available in this version, expected it to be absent, got an object`,
      });
      expect(failure({ [name]: null })).toMatchObject({ code: 'UNSUPPORTED' });
    }
  });
});

describe('the secret', () => {
  it('is copied at once', () => {
    const secret = new Uint8Array(32).fill(7);
    const resolved = resolveOptions({ secret });
    secret.fill(0);
    expect(resolved.secret).toEqual(new Uint8Array(32).fill(7));
    expect(resolveOptions({ secret: Buffer.alloc(1_024, 1) }).secret).toHaveLength(1_024);
    expect(resolveOptions({ secret: new Uint8Array(new SharedArrayBuffer(32)) }).secret).toHaveLength(32);
  });

  it('is 32 to 1,024 bytes', () => {
    for (const [length, problem] of [
      [0, 'too short'],
      [31, 'too short'],
      [1_025, 'too long'],
    ] as const) {
      const error = failure({ secret: new Uint8Array(length) });
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe(`secret: ${problem}, expected 32 to 1024 bytes, got ${length}`);
    }
    const detached = new Uint8Array(32);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(failure({ secret: detached }).message).toMatch(/^secret: unreadable, .*, got a detached buffer$/);
  });

  it('is bytes: a text is refused and not repeated', () => {
    for (const secret of ['hunter2'.repeat(5), null, [1, 2], new ArrayBuffer(32), new Uint16Array(32), 5]) {
      const error = failure({ secret });
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^secret: wrong kind, expected a Uint8Array, or { current, former }, got /);
      expect(error.message).not.toContain('hunter2');
    }
  });
});

describe('the origin', () => {
  it('is a name that a signed note can carry', () => {
    for (const origin of ['example.com/log', '{instance}', 'größe/測', 'x'.repeat(255)]) {
      expect(resolveOptions({ audit: { origin } }).audit.origin).toBe(origin);
    }
    for (const origin of ['a b', 'a+b', 'a\n', 'a\u0000', 'a\u007f', 'a\u0085', 'a\u00a0b', 'a\u2028', 'a\u3000b']) {
      const error = failure({ audit: { origin } });
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe('audit.origin: unusable, expected no space, control character or plus sign, got one');
    }
  });

  it('has 1 to 255 bytes once the instance is filled in', () => {
    expect(failure({ audit: { origin: '' } }).message).toMatch(/^audit\.origin: empty, expected 1 to 255 bytes/);
    for (const origin of ['x'.repeat(256), 'é'.repeat(128), `${'x'.repeat(220)}{instance}`]) {
      expect(failure({ audit: { origin } }).message).toMatch(/^audit\.origin: too long, /);
    }
    expect(resolveOptions({ audit: { origin: `${'x'.repeat(219)}{instance}` } }).audit.origin).toHaveLength(229);
    expect(failure({ audit: { origin: 'a\ud800' } }).message).toMatch(/^audit\.origin: not Unicode, /);
    expect(failure({ audit: { origin: 5 } })).toBeInstanceOf(TypeError);
  });
});

describe('what is passed in', () => {
  const runtime = {
    name: 'test',
    core: () => 0,
    now: () => 0,
    random: () => 0,
    defer: () => 0,
    source: () => undefined,
  };

  it('is handed on as it is', () => {
    const signer = { name: 'PeterNeumann', vkey: PETER, sign: async () => new Uint8Array(0) };
    const clock = () => 0;
    const module = {};
    const [restore, log] = [{}, heldLog()];
    const audit = { signer, log };
    const resolved = resolveOptions({ runtime, clock, module, restore, audit, failMode: 'closed' });
    expect(resolved.runtime).toBe(runtime);
    expect(resolved.clock).toBe(clock);
    expect(resolved.module).toBe(module);
    expect(resolved.restore).toBe(restore);
    expect(resolved.audit.log).toBe(log);
    expect(resolved.audit.signer).toBe(signer);
    expect(resolved.failMode).toBe('closed');
  });

  it('has the shape it must have', () => {
    for (const answer of ['core', 'now', 'random', 'defer', 'source']) {
      const error = failure({ runtime: { ...runtime, [answer]: 5 } });
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe(`runtime.${answer}: wrong kind, expected a function, got 5`);
    }
    expect(failure({ clock: 5 }).message).toBe('clock: wrong kind, expected a function, got 5');
    expect(failure({ audit: { signer: 5 } }).message).toMatch(/^audit\.signer: wrong kind, /);
    expect(failure({ audit: { signer: { sign: () => 0 } } }).message).toMatch(/^audit\.signer\.name: wrong kind, /);
    expect(failure({ audit: { signer: { name: 'n' } } }).message).toMatch(/^audit\.signer\.vkey: wrong kind, /);
    expect(failure({ audit: { signer: { name: 'n', vkey: 'v' } } }).message).toMatch(
      /^audit\.signer\.sign: wrong kind, /,
    );
  });

  it('failMode is one of two words', () => {
    expect(failure({ failMode: 'hunter2' })).toBeInstanceOf(RangeError);
    expect(failure({ failMode: 'hunter2' }).message).toBe(
      "failMode: unknown, expected 'open' or 'closed', got another string",
    );
    for (const value of [null, true, 5]) expect(failure({ failMode: value })).toBeInstanceOf(TypeError);
  });
});

it('whatever is given, the message has one form and repeats no text', () => {
  const names = [
    'rateLimit',
    'quarantine',
    'audit',
    'secret',
    'failMode',
    'clock',
    'sinks',
    'maxPayloadBytes',
    'runtime',
  ];
  const canary = fc.string({ minLength: 3, maxLength: 20 }).map((text) => `CANARY ${text}`);
  const leaf = fc.oneof(canary, fc.double(), fc.boolean(), fc.constant(null), fc.array(canary, { maxLength: 2 }));
  const group = fc.dictionary(fc.oneof(fc.constantFrom('windowMs', 'origin', 'maxShare', 'signer'), canary), leaf);
  const options = fc.dictionary(fc.oneof(fc.constantFrom(...names), canary), fc.oneof(leaf, group), { maxKeys: 4 });
  fc.assert(
    fc.property(options, (value) => {
      try {
        resolveOptions(value);
      } catch (error) {
        expect(error instanceof TypeError || error instanceof RangeError || error instanceof TracehoundError).toBe(
          true,
        );
        expect((error as Error).message).toMatch(/^[\w.?]+: [^:]+, expected .+, got .+$/);
        expect((error as Error).message).not.toContain('CANARY');
      }
    }),
    { seed: 20_261_126, numRuns: 1_000 },
  );
});

describe('who keeps the log', () => {
  const signer = { name: 'PeterNeumann', vkey: PETER, sign: async () => new Uint8Array(64) };

  it('is made by tracehound/log', () => {
    for (const log of [heldLog(), storedLog(STORE)]) expect(Object.isFrozen(log)).toBe(true);
    for (const log of [5, {}, { begin: true }, STORE]) {
      expect(failure({ audit: { log } })).toBeInstanceOf(TypeError);
      expect(failure({ audit: { log } }).message).toMatch(
        /^audit\.log: wrong kind, expected heldLog\(\) or storedLog\(store\) of tracehound\/log, got /,
      );
    }
  });

  it('was a store once, and the old option says where it went', () => {
    const error = failure({ audit: { store: STORE } });
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(
      'audit.store: moved, expected audit.log = storedLog(store) from tracehound/log, got the old name',
    );
  });

  it('needs a store that can do three things', () => {
    for (const name of ['putIfAbsent', 'get', 'swap']) {
      const error = failureOf(() => storedLog({ ...STORE, [name]: 'x' }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe(`storedLog.store.${name}: wrong kind, expected a function, got a string`);
    }
    expect(failureOf(() => storedLog('x' as never)).message).toBe(
      'storedLog.store: wrong kind, expected a LogStore, got a string',
    );
    expect(failureOf(() => storedLog(undefined as never))).toBeInstanceOf(TypeError);
  });

  it('has options of its own, with known names', () => {
    expect(failureOf(() => storedLog(STORE, { polcy: 'halt' } as never)).message).toMatch(
      /^storedLog\.polcy: no such option \(did you mean `policy`\?\), /,
    );
    expect(failureOf(() => heldLog({ policy: 'halt' } as never)).message).toMatch(
      /^heldLog\.policy: no such option \(did you mean `policy` of storedLog\?\), /,
    );
    expect(failureOf(() => heldLog(5 as never)).message).toBe('heldLog: wrong kind, expected an object, got 5');
  });

  it('needs a ring of 1,024 records at least where there is a store', () => {
    const log = storedLog(STORE);
    expect(resolveOptions({ audit: { log, maxRecords: 1_024 } }).audit.maxRecords).toBe(1_024);
    expect(failure({ audit: { log, maxRecords: 1_023 } }).message).toMatch(
      'audit.maxRecords: too small, expected an integer ≥ 1024',
    );
    expect(resolveOptions({ audit: { log: heldLog(), maxRecords: 16 } }).audit.maxRecords).toBe(16);
  });

  it('goes on or halts, in one of two words', () => {
    for (const policy of ['continue', 'halt'] as const)
      expect(attempt(() => storedLog(STORE, { policy }))).toBe(undefined);
    const stop = failureOf(() => storedLog(STORE, { policy: 'stop' as never }));
    expect(stop).toBeInstanceOf(RangeError);
    expect(stop.message).toBe("storedLog.policy: unknown, expected 'continue' or 'halt', got another string");
    expect(failureOf(() => storedLog(STORE, { policy: 1 as never }))).toBeInstanceOf(TypeError);
  });

  it('that goes on brings its name, and needs a signer', () => {
    const resume = { origin: 'example.com/log', size: 3, root: '00' };
    const log = storedLog(STORE, { resume });
    expect(resolveOptions({ audit: { log, signer } }).audit).toMatchObject({ origin: 'example.com/log', log });
    expect(resolveOptions({ audit: { log, signer, origin: 'example.com/log' } }).audit.origin).toBe('example.com/log');
    expect(failure({ audit: { log, signer, origin: 'other' } }).message).toMatch(/^audit.origin: another, /);
    expect(failure({ audit: { log } }).message).toMatch('expected audit.signer beside it, got none');
    expect(failureOf(() => storedLog(STORE, { resume: 'x' as never }))).toBeInstanceOf(TypeError);
  });
});

it('who may read evidence is asked of a function', () => {
  const authorize = (): boolean => false;
  expect(resolveOptions({ quarantine: { authorize } }).authorize).toBe(authorize);
  expect(resolveOptions({ quarantine: { authorize } }).quarantine).not.toHaveProperty('authorize');
  expect(failure({ quarantine: { authorize: true } }).message).toBe(
    'quarantine.authorize: wrong kind, expected a function, got true',
  );
});

it('the verifier key of a signer is read at start', () => {
  const signer = { name: 'PeterNeumann', vkey: PETER, sign: async () => new Uint8Array(64) };
  for (const log of [undefined, heldLog(), storedLog(STORE)]) {
    expect(resolveOptions({ audit: { signer, log } }).audit.signer).toBe(signer);
    for (const wrong of [{ name: 'other' }, { vkey: `${PETER}x` }, { vkey: 'x' }]) {
      const audit = { signer: { ...signer, ...wrong }, log };
      expect(failure({ audit }).message).toMatch(/^audit\.signer\.vkey: unusable, /);
    }
  }
});
