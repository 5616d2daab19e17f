/**
 * Guards `src/verify/proof.ts`: a C2SP tlog-proof is read in its one spelling.
 */
import { describe, expect, it } from 'vitest';
import { parseProof } from '../../../src/verify/proof';
import { proofText } from '../../lab/bundles';
import { LabLog, labKey } from '../../lab/logs';

const log = new LabLog().grow(70);
const note = log.checkpoint([labKey('x')]);

describe('a proof', () => {
  it('is its index, its hashes and its checkpoint, for every record of a log', () => {
    for (let seq = 0; seq < log.size; seq++) {
      const proof = parseProof('p', proofText(seq, log, note));
      expect([proof.index, proof.checkpoint]).toEqual([seq, note]);
      expect(proof.hashes.every((hash) => hash.length === 32)).toBe(true);
    }
  });

  it('may have extra data, which is base64', () => {
    const extra = proofText(3, log, note).replace('\nindex', '\nextra AAAA\nindex');
    expect(parseProof('p', extra).index).toBe(3);
    expect(() => parseProof('p', extra.replace('AAAA', 'A'))).toThrow('extra data');
  });

  it.each<[string, (text: string) => string, string]>([
    ['no checkpoint', (text) => text.slice(0, text.indexOf('\n\n')), 'no empty line'],
    ['another title', (text) => text.replace('@v1', '@v2'), 'another first line'],
    ['no index', (text) => text.replace('index 3', 'number 3'), 'no index'],
    ['an index with a zero before it', (text) => text.replace('index 3', 'index 03'), 'no index'],
    ['an index beyond 2⁵³', (text) => text.replace('index 3', 'index 9007199254740993'), 'no index'],
    ['a hash of another length', (text) => text.replace(/\n[A-Za-z0-9+/]{43}=\n/, '\nAAAA\n'), 'no hash'],
    [
      'more hashes than a tree has levels',
      (text) => text.replace('index 3\n', `index 3\n${`${'A'.repeat(43)}=\n`.repeat(54)}`),
      'too many hashes',
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(() => parseProof('p', change(proofText(3, log, note)))).toThrow(
      expect.objectContaining({ code: 'LOG_INVALID', message: expect.stringContaining(message) }),
    );
  });
});
