/**
 * Guards `src/validate/names.ts`: a name that is no option is answered with the one that was meant, where it really is one,
 * and is repeated only when it is nearly one of ours.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shardedTracehound } from '../../../runtimes/cloudflare/sharded';
import { edgeRateLimit } from '../../../runtimes/fastly/edge-rate-limit';
import { guard } from '../../../src/http/guard';
import { resolveOptions } from '../../../src/instance/config';
import { heldLog, storedLog } from '../../../src/log/index';
import type { LogPlug } from '../../../src/log/keeper';
import { cloudflareSignals } from '../../../src/signals/cloudflare';
import { modsecuritySignals } from '../../../src/signals/modsecurity';
import { PEERS, PLACES, unknownName } from '../../../src/validate/names';

const said = (name: string, names: readonly string[], also?: readonly string[]): string =>
  unknownName('part.', name, names, also).message;

/** Every function of the house that takes options by name, so that what is suggested can be asked for. */
const TAKERS: Record<string, (options: object) => unknown> = {
  createTracehound: (options) => resolveOptions(options, heldLog() as LogPlug),
  tracehound: (options) =>
    guard({ http: { limits: { charge: () => undefined }, settings: { failMode: 'open' } } } as never, options as never),
  storedLog: (options) => storedLog({ putIfAbsent: fail, get: fail, swap: fail }, options),
  shardedTracehound: (options) =>
    shardedTracehound({ get: fail, idFromName: fail }, { secret: new Uint8Array(32), ...options }),
  edgeRateLimit: (options) => edgeRateLimit(options as never),
  'every header mapper': (options) => cloudflareSignals(options as never),
};
function fail(): never {
  throw new Error('asked');
}
const attempt = (work: () => unknown): string => {
  try {
    work();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a name that is meant for another place', () => {
  for (const [owner, paths] of Object.entries(PLACES)) {
    it(`${owner} takes what is said to be its own, and takes nothing under a name that nobody has`, () => {
      const take = TAKERS[owner]!;
      for (const path of paths) {
        const [first, second] = path.split('.') as [string, string | undefined];
        const options = { [first]: second === undefined ? undefined : { [second]: undefined } };
        expect(
          attempt(() => take(options)),
          path,
        ).not.toContain('no such option');
      }
      expect(attempt(() => take({ xyzzy: undefined }))).toContain('no such option');
    });
  }

  it('is named with who takes it', () => {
    expect(said('windowMs', ['detect'])).toBe(
      'part.windowMs: no such option (did you mean `rateLimit.windowMs` of createTracehound?), expected one of detect, got another name',
    );
    expect(said('detect', ['limit'])).toContain('(did you mean `detect` of tracehound?)');
    expect(said('detectTimeoutMS', ['limit'])).toContain('(did you mean `detectTimeoutMs` of tracehound?)');
  });
});

describe('what peers call differently', () => {
  it('leads to a name that exists', () => {
    const ours = [
      ...Object.values(PLACES).flatMap((paths) => paths.flatMap((path) => [path, path.split('.').at(-1)])),
      ...['atLeast', 'atMost'],
    ];
    for (const [theirs, mine] of Object.entries(PEERS)) {
      expect(ours, theirs).toContain(mine);
      expect(ours, theirs).not.toContain(theirs);
    }
  });

  it.each<[string, string, () => unknown]>([
    ['keyGenerator', '`source`', () => TAKERS.tracehound!({ keyGenerator: 1 })],
    ['handler', '`onRefused`', () => TAKERS.tracehound!({ handler: 1 })],
    ['standardHeaders', '`headers`', () => TAKERS.tracehound!({ standardHeaders: 1 })],
    ['legacyHeaders', '`headers`', () => TAKERS.tracehound!({ legacyHeaders: 1 })],
    ['max', '`rateLimit.limit` of createTracehound', () => TAKERS.tracehound!({ max: 1 })],
    ['max', '`limit`', () => TAKERS.createTracehound!({ rateLimit: { max: 1 } })],
    ['timeWindow', '`windowMs`', () => TAKERS.createTracehound!({ rateLimit: { timeWindow: 1 } })],
    ['keyGenerator', '`source` of tracehound', () => TAKERS.createTracehound!({ rateLimit: { keyGenerator: 1 } })],
    ['store', '`audit.log` of createTracehound', () => TAKERS.createTracehound!({ rateLimit: { store: 1 } })],
    ['threshold', '`atLeast`', () => modsecuritySignals({ trust: 'platform', threshold: 5 } as never)],
    ['trustProxy', '`trust`', () => modsecuritySignals({ trustProxy: 5 } as never)],
  ])('%s is %s', (name, meant, work) => {
    expect(attempt(work)).toMatch(new RegExp(`\\b${name}: no such option \\(did you mean `));
    expect(attempt(work)).toContain(`(did you mean ${meant}?)`);
  });
});

describe('whatever name is given', () => {
  const names = ['windowMs', 'limit', 'blockMs', 'maxSources', 'ipv6Prefix'];

  it('with one letter changed, left out or doubled, the right one is found', () => {
    const slip = fc.tuple(fc.constantFrom(...names), fc.nat(), fc.constantFrom('change', 'drop', 'double', 'case'));
    fc.assert(
      fc.property(slip, ([name, where, how]) => {
        const at = where % name.length;
        const [before, letter, after] = [name.slice(0, at), name[at] as string, name.slice(at + 1)];
        const wrong = {
          change: `${before}_${after}`,
          drop: before + after,
          double: before + letter + letter + after,
          case: name.toUpperCase(),
        }[how as 'drop'];
        expect(said(wrong, names)).toContain(`part.${wrong}: no such option (did you mean \`${name}\`?)`);
      }),
      { seed: 20_261_201, numRuns: 500 },
    );
  });

  it('it is repeated only when it is nearly one of ours, and never with a character that a log would obey', () => {
    const unlike = fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }).map((text) => `${text}#CANARY`);
    const near = fc.constantFrom('limit\n', '\u001b[1m', 'lim\u0000it', 'windowMs\r', 'windowMs ');
    fc.assert(
      fc.property(fc.oneof(unlike, near), (name) => {
        const message = said(name, names);
        expect(message).toMatch(/^part\.\?: no such option( \(did you mean `\w+`\?\))?, expected one of windowMs, /);
        expect(message).not.toContain('CANARY');
      }),
      { seed: 20_261_202, numRuns: 500 },
    );
  });

  it('names of objects are no suggestions', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(said(name, names)).toMatch(/^part\.\?: no such option, expected one of /);
    }
    expect(said('', [])).toBe('part.?: no such option, expected no names, got another name');
    expect(said('sink', ['limit'], ['sinks'])).toBe(
      'part.sink: no such option (did you mean `sinks`?), expected one of limit, got another name',
    );
  });
});
