/**
 * Guards `src/verify/checkpoint.ts`: a checkpoint says nothing before somebody whom the reader trusts has signed it.
 */
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/verify/checkpoint';
import { parsePolicy } from '../../../src/verify/policy';
import { seeded } from '../../ground';
import { LabLog, labKey, labWitness } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');
const stranger = labKey('example.com/th/1', 'stranger');
const log = new LabLog().grow(40);
const unverified = expect.objectContaining({ code: 'NOTE_UNVERIFIED' });

describe('openCheckpoint', () => {
  it('opens what one of the keys signed, at every size', async () => {
    for (let size = 1; size <= 40; size++) {
      const opened = await openCheckpoint(log.checkpoint([stranger, own], size), [own.vkey]);
      expect([opened.origin, opened.size, Buffer.from(opened.root).equals(log.root(size)), opened.signers]).toEqual([
        log.origin,
        size,
        true,
        [own.name],
      ]);
    }
  });

  it('shows nothing that nobody trusted signed, or of which any byte of the text was changed (24 by seed)', async () => {
    await expect(openCheckpoint(log.checkpoint([stranger]), [own.vkey])).rejects.toThrow(unverified);
    const random = seeded(5);
    const note = Buffer.from(log.checkpoint([own]));
    for (let i = 0; i < 24; i++) {
      const changed = Buffer.from(note);
      changed[random(note.indexOf('\n\n'))]! ^= 1 << random(7);
      await expect(openCheckpoint(changed.toString(), [own.vkey])).rejects.toThrow(/checkpoint|note/);
    }
  });

  it('asks for the quorum of a policy', async () => {
    const [a, b] = [labWitness('a.example'), labWitness('b.example')];
    const policy = parsePolicy(
      `log ${own.vkey}\nwitness a ${a.vkey}\nwitness b ${b.vkey}\ngroup g all a b\nquorum g\n`,
    );
    await expect(openCheckpoint(log.checkpoint([own, a]), policy)).rejects.toThrow('too few witnesses');
    expect((await openCheckpoint(log.checkpoint([own, a, b]), policy)).signers).toHaveLength(3);
  });

  it('does not let one deployment of a policy sign for another', async () => {
    const [one, two] = [labKey('shop.example/keys'), labKey('other.example/keys')];
    const policy = parsePolicy(`log ${one.vkey}\nlog ${two.vkey}\nquorum none\n`);
    const shop = new LabLog('shop.example/th').grow(5);
    expect((await openCheckpoint(shop.checkpoint([one]), policy)).size).toBe(5);
    await expect(openCheckpoint(shop.checkpoint([two]), policy)).rejects.toThrow(unverified);
  });
});
