/**
 * Guards src/http/hearing.ts: of what several detectors say the gravest counts and everything forged goes; one that fails
 * silences no other and is not taken for one that found nothing.
 */
import { describe, expect, it, vi } from 'vitest';
import { graver, NOT_ASKABLE, NOT_ASKED, readSignals, SEVERITIES } from '../../../src/http/hearing';
import type { Heard, Severity, Signals, SignalView, ThreatSignal } from '../../../src/types/index';
import { dice } from '../../lab/lab';

const view: SignalView = { headers: new Headers(), request: undefined };
const threat = (severity: Severity, category: string = severity): ThreatSignal => ({ category, severity });
const unreported = (error: unknown): void => expect.unreachable(String(error));
const detector = (read: (view: SignalView) => Heard): Signals => ({ detector: 'lab', secrets: [], read });
const says = (heard: Partial<Heard>): Signals => detector(() => ({ threat: undefined, strip: [], ...heard }));

describe('the graver of two threats', () => {
  it('is the one of the higher severity; of equals the first; of one and none, the one', () => {
    for (const [i, one] of SEVERITIES.entries()) {
      for (const [j, other] of SEVERITIES.entries()) {
        const [a, b] = [threat(one, 'a'), threat(other, 'b')];
        expect(graver(a, b), `${one}, ${other}`).toBe(j > i ? b : a);
      }
      const only = threat(one);
      expect([graver(only, undefined), graver(undefined, only)]).toEqual([only, only]);
    }
    expect(graver(undefined, undefined)).toBeUndefined();
  });
});

describe('several detectors', () => {
  it.each(Array.from({ length: 25 }, (_, i) => i + 1))(
    'say together what the gravest says, and strip what each strips (seed %d)',
    (seed) => {
      const roll = dice(seed);
      const told = Array.from({ length: 1 + Math.floor(roll() * 6) }, (_, i): Heard => {
        const severity = SEVERITIES[Math.floor(roll() * 5)];
        return { threat: severity && threat(severity, `${i}`), strip: roll() < 0.5 ? [] : [`x-${i}`, `y_${i}`] };
      });
      const said = readSignals(told.map(says), view, unreported);
      const threats = told.flatMap((heard) => heard.threat ?? []);
      const gravest = Math.max(...threats.map(({ severity }) => SEVERITIES.indexOf(severity)));
      expect(said.threat).toBe(threats.find(({ severity }) => SEVERITIES.indexOf(severity) === gravest));
      expect(said.strip).toEqual(told.flatMap(({ strip }) => strip));
      expect(said.failure).toBeUndefined();
    },
  );

  it('are each shown the request, once', () => {
    const reads = [vi.fn(() => ({ threat: undefined, strip: [] })), vi.fn(() => ({ threat: undefined, strip: [] }))];
    readSignals(reads.map(detector), view, unreported);
    for (const read of reads) expect(read.mock.calls).toEqual([[view]]);
  });

  it('are all heard although one throws, wherever it stands; its error is reported', () => {
    for (let at = 0; at < 3; at++) {
      const error = new Error('broken');
      const all = [says({ threat: threat('low'), strip: ['a'] }), says({ threat: threat('high'), strip: ['b'] })];
      all.splice(
        at,
        0,
        detector(() => {
          throw error;
        }),
      );
      const reported: unknown[] = [];
      expect(readSignals(all, view, (one) => reported.push(one))).toEqual({
        threat: threat('high'),
        strip: ['a', 'b'],
        failure: 'threw',
      });
      expect(reported).toEqual([error]);
    }
  });

  it('that did not tell say why, the first that did not; all of them are reported', () => {
    const [unreadable, silent] = [new Error('unreadable'), new Error('silent')];
    const reported: unknown[] = [];
    const said = readSignals(
      [
        says({ threat: threat('medium') }),
        says({ failure: { error: unreadable, reason: 'unreadable' }, strip: ['a'] }),
        says({ failure: { error: silent, reason: 'silent' } }),
      ],
      view,
      (one) => reported.push(one),
    );
    expect(said).toEqual({ threat: threat('medium'), strip: ['a'], failure: 'unreadable' });
    expect(reported).toEqual([unreadable, silent]);
    expect(readSignals([says({ failure: { error: silent } })], view, () => {}).failure).toBe('threw');
  });

  it('when there is none, or none can be asked, say nothing; only the second is a failure', () => {
    expect(readSignals([], view, unreported)).toEqual(NOT_ASKED);
    expect(NOT_ASKED).toEqual({ threat: undefined, strip: [], failure: undefined });
    expect(NOT_ASKABLE).toEqual({ threat: undefined, strip: [], failure: 'threw' });
  });
});
