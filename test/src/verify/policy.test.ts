/**
 * Guards `src/verify/policy.ts`: a policy is understood wholly or not at all, and one deployment does not sign the logs of another
 * because a reader trusts both.
 */
import { describe, expect, it } from 'vitest';
import { parseVerifierKey } from '../../../src/formats/note';
import { verifyLog } from '../../../src/verify/index';
import { isQuorum, keysFor, parsePolicy } from '../../../src/verify/policy';
import { seeded } from '../../ground';
import { LabLog, LabSource, labKey, labWitness } from '../../lab/logs';

const names = (policy: ReturnType<typeof parsePolicy>, origin: string): string[] =>
  keysFor(policy, origin).map(({ name }) => name);
const policyOf = (...lines: string[]): ReturnType<typeof parsePolicy> =>
  parsePolicy([...lines, 'quorum none', ''].join('\n'));
const log = (name: string, word = name): string => `log ${labKey(name, word).vkey}`;

describe('several deployments in one policy', () => {
  it('sign their own logs and no other’s, whether or not their keys are bound by name (24 by seed)', async () => {
    for (let seed = 1; seed <= 24; seed++) {
      const random = seeded(seed);
      const owners = Array.from({ length: 2 + random(4) }, (_, i) => ({
        origin: `shop-${i}.example/th/${random(9)}`,
        key: labKey(random(2) === 0 ? `shop-${i}.example/keys/2026` : `shop-${i}.example`),
      }));
      const isBound = seed % 2 === 0;
      const policy = policyOf(
        ...owners.flatMap(({ key, origin }) => [`log ${key.vkey}`, ...(isBound ? [`# origins: ${origin}`] : [])]),
      );
      const mine = owners[random(owners.length)]!;
      for (const by of owners) {
        const lab = new LabLog(mine.origin);
        const own = labKey(mine.origin, `seed ${seed}`);
        lab.key(own, [by.key]);
        const note = lab.grow(20).checkpoint([own]);
        const { exitCode, authenticity } = await verifyLog(new LabSource(lab, [note]), { policy });
        expect([authenticity, exitCode], `seed ${seed}`).toEqual(by === mine ? ['good', 0] : ['unknown', 3]);
        // In epoch 0 the deployment signs the head itself.
        const plain = new LabLog(mine.origin).grow(20);
        const direct = await verifyLog(new LabSource(plain, [plain.checkpoint([by.key])]), { policy });
        expect(direct.exitCode).toBe(by === mine ? 0 : 3);
      }
    }
  });

  it.each<[string, string[], string, string[]]>([
    ['one alone signs anything', [log('a.example/k')], 'b.example/l', ['a.example/k']],
    ['the log’s own key signs alone', [log('a/l'), log('a/k')], 'a/l', ['a/l']],
    ['the nearer name signs', [log('a.example/x'), log('a.example/y')], 'a.example/x/1', ['a.example/x']],
    [
      'keys that replace each other both sign',
      [log('a.example/k/1'), log('a.example/k/2')],
      'a.example/l',
      ['a.example/k/1', 'a.example/k/2'],
    ],
    [
      'of one owner, all sign what is called local',
      [log('a.example/1'), log('a.example/2')],
      'local/x',
      ['a.example/1', 'a.example/2'],
    ],
    ['of several owners, none does', [log('a.example/1'), log('b.example/2')], 'local/x', []],
    [
      'one that is bound to them does',
      [log('a.example/1'), '# origins: local/*', log('b.example/2')],
      'local/x',
      ['a.example/1', 'b.example/2'],
    ],
    ['one that is bound elsewhere does not', [log('a.example/1'), '# origins: c/d'], 'a.example/l', []],
    ['a part is not half a part', [log('a.example/1'), log('a.example.org/2')], 'a.example.org/l', ['a.example.org/2']],
  ])('%s', (_, lines, origin, expected) => {
    expect(names(policyOf(...lines), origin)).toEqual(expected);
  });

  it('are bound by a comment to everybody else, and other comments say nothing', () => {
    const policy = policyOf(
      '# origins of trust, a note',
      '#origins x',
      log('a.example/1'),
      '# a.example',
      '\t# origins: a/b c/*',
    );
    expect(policy.origins?.get(policy.logs[0]!)).toEqual(['a/b', 'c/*']);
  });
});

describe('a policy', () => {
  it.each<[string, string]>([
    ['bound twice', `${log('a')}\n# origins: x\n# origins: y\nquorum none\n`],
    ['bound to nothing', `${log('a')}\n# origins:\nquorum none\n`],
    ['bound to a star within', `${log('a')}\n# origins: a*b\nquorum none\n`],
    ['without a quorum', `${log('a')}\n`],
    ['of another word', 'logs x\nquorum none\n'],
    ['of a key that is none', 'log x\nquorum none\n'],
    ['of a witness as a log', `log ${labWitness('w').vkey}\nquorum none\n`],
    ['of a member of a line below', `group g any w\nwitness w ${labWitness('w').vkey}\nquorum g\n`],
    ['with a control character', `${log('a')}\u0000\nquorum none\n`],
  ])('is refused: %s', (_, text) => {
    expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
  });

  it('is met by the witnesses it asks for, over groups of groups', () => {
    const lines = ['a', 'b', 'c'].map((name) => `witness ${name} ${labWitness(`${name}.example`).vkey}`);
    const policy = parsePolicy([...lines, 'group two 2 a b c', 'group all all two a', 'quorum all', ''].join('\n'));
    const met = (...seen: string[]): boolean => isQuorum(policy, new Set(seen));
    expect([met(), met('a'), met('b', 'c'), met('a', 'c'), met('a', 'b', 'c')]).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(parseVerifierKey(labWitness('a.example').vkey).type).toBe(4);
  });
});
