/**
 * Guards `src/verify/options.ts`: each option moves its own verdict and no other, and none of them is needed.
 */
import { describe, expect, it } from 'vitest';
import { type LogReport, parsePolicy, verifyLog } from '../../../src/verify/index';
import type { VerifyOptions } from '../../../src/verify/options';
import { LabLog, LabSource, labKey, TIME } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');
const log = new LabLog().grow(30);
const note = log.checkpoint([own]);
const verdicts = ({ integrity, authenticity, completeness, freshness }: LogReport): string =>
  [integrity, authenticity, completeness, freshness].map((verdict) => verdict[0]).join('');
const judged = async (options: VerifyOptions): Promise<string> =>
  verdicts(await verifyLog(new LabSource(log, [note]), options));

const policy = parsePolicy(`log ${own.vkey}\nquorum none\n`);

describe('an option', () => {
  it.each<[string, VerifyOptions, string]>([
    ['none', {}, 'gugu'],
    ['a policy', { policy }, 'gggu'],
    ['a clock', { now: TIME + 100 }, 'gugg'],
    ['a late clock', { now: TIME + 181_000 }, 'gubb'],
    ['a late clock and patience', { now: TIME + 181_000, maxAgeMs: 200_000 }, 'gugg'],
    ['an end that must be there', { requireClose: true }, 'gubu'],
    ['a head of the same log', { known: [log.checkpoint([own], 20)] }, 'gugu'],
    [
      'a head of another history',
      {
        known: [
          new LabLog()
            .grow(21)
            .rewrite(5, (r) => r.fill(9, 20, 21))
            .checkpoint([own], 20),
        ],
      },
      'bugu',
    ],
    ['a later head', { known: [new LabLog().grow(40).checkpoint([own])] }, 'gubu'],
    ['a master that is of nothing', { macKey: new Uint8Array(32) }, 'gugu'],
  ])('%s', async (_, options, expected) => {
    expect(await judged(options)).toBe(expected);
  });
});
