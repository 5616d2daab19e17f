/**
 * Guards `src/verify/keys.ts`: an epoch begins with its KEY record, and a hostile log with many of them costs little.
 */
import { describe, expect, it } from 'vitest';
import { parseVerifierKey } from '../../../src/formats/note';
import { Findings } from '../../../src/verify/findings';
import { isSameKey, KEY_NOTE_REACH, Keys } from '../../../src/verify/keys';
import { LabLog, labKey, noteOf } from '../../lab/logs';

const ORIGIN = 'example.com/th/1';
const deployment = labKey('example.com/keys/2026');
const text = (epoch: number, vkey: string, size: number, link: Buffer): string =>
  `tracehound/key/v1\n${ORIGIN}\n${epoch}\n${vkey}\n${size}\n${link.toString('base64')}\n`;

function add(keys: Keys, seq: number, number: number, by: (epoch: number) => string[] = () => []): void {
  keys.enter(number, true, undefined, { seq });
  const own = labKey(ORIGIN, `epoch ${number}`);
  const signers = [own, ...by(number).map((word) => (word === 'deployment' ? deployment : labKey(ORIGIN, word)))];
  const note = noteOf(text(number, own.vkey, seq, Buffer.alloc(32)), signers);
  keys.add(seq, ORIGIN, Buffer.from(JSON.stringify({ note, salt: '00'.repeat(16) })), () => undefined, { seq });
}

describe('the keys of a log', () => {
  it('are trusted as far as the chain from the deployment’s key goes', async () => {
    for (let broken = 1; broken <= 20; broken++) {
      const findings = new Findings();
      const keys = new Keys(findings);
      for (let number = 1; number <= 20; number++) {
        const voucher = number === broken ? [] : number === 1 ? ['deployment'] : [`epoch ${number - 1}`];
        add(keys, number * 10, number, () => voucher);
      }
      await keys.judge([parseVerifierKey(deployment.vkey)], undefined);
      expect(keys.all.map(({ trusted }) => trusted)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1 < broken));
      expect([keys.at(10)?.number, keys.at(11)?.number, keys.at(205)?.number]).toEqual([undefined, 1, 20]);
      expect(findings.list).toEqual([]);
    }
  });

  it('are a few hundred at most, however many KEY records somebody writes', () => {
    const findings = new Findings();
    const keys = new Keys(findings);
    for (let seq = 1; seq <= 5_000; seq++) {
      keys.enter(1, true, undefined, { seq });
      keys.add(seq, ORIGIN, Buffer.from('{}'), () => undefined, { seq });
    }
    expect(keys.all.length).toBeLessThanOrEqual(256);
    expect(findings.is('integrity')).toBe('bad');
  });

  it('know a raise of the epoch by anything but KEY, unless its record may have been lost', () => {
    const findings = new Findings();
    const keys = new Keys(findings);
    keys.enter(1, false, undefined, { seq: 5 });
    expect(findings.list[0]).toMatchObject({ code: 'EPOCH', severity: 'bad' });
    const lost = new Findings();
    const gap = new Keys(lost);
    gap.enter(1, false, 3, { seq: 5 });
    expect([lost.list[0]?.code, lost.is('integrity'), gap.at(4)?.seq]).toEqual(['KEY_UNAVAILABLE', 'good', 3]);
  });

  it('are compared by name, type and material', () => {
    const [a, b] = [parseVerifierKey(deployment.vkey), parseVerifierKey(labKey(ORIGIN).vkey)];
    expect([isSameKey(a, parseVerifierKey(deployment.vkey)), isSameKey(a, b)]).toEqual([true, false]);
    expect(KEY_NOTE_REACH).toBe(4_096);
    expect(new LabLog().size).toBe(1);
  });
});
