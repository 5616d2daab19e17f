/**
 * Guards the layout of envelopes in docs/format.md before anything writes one: the vectors in `envelope.txt` are what the page
 * says, by a reader that was written from the page, and by the program in it. Whoever writes the reader that ships has these
 * vectors to fulfil.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bytesOf, readEnvelope, vectorsOf } from './envelope';

const vectors = vectorsOf(readFileSync(join(import.meta.dirname, 'envelope.txt'), 'utf8'));
const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'format.md'), 'utf8');
const programs = [...page.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string);
const folder = mkdtempSync(join(tmpdir(), 'tracehound-envelope-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the vectors of envelopes', () => {
  it.each(vectors)('$verdict: $name', ({ verdict, envelope, max, key, plain }) => {
    const read = readEnvelope(envelope, max, key);
    expect(read.refusal ?? 'valid').toBe(verdict);
    if (verdict === 'valid') expect(read.plain.equals(plain ?? expect.fail('no plain bytes'))).toBe(true);
  });

  it('name every refusal, and each name stands once', () => {
    const verdicts = new Set(vectors.map(({ verdict }) => verdict));
    expect([...verdicts].sort()).toEqual(['ENVELOPE_INVALID', 'ENVELOPE_KEY', 'ENVELOPE_TOO_LARGE', 'valid']);
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
  });

  const small = vectors.filter(({ verdict, envelope }) => verdict === 'valid' && envelope.length < 512);

  it.each(small)('no byte of an envelope can change: $name', ({ envelope, max, key }) => {
    for (let bit = 0; bit < envelope.length * 8; bit++) {
      const changed = Buffer.from(envelope);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(readEnvelope(changed, max, key).refusal, `bit ${bit}`).toBeDefined();
    }
  });

  it.each(small)('every beginning of an envelope is refused: $name', ({ envelope, max, key }) => {
    for (let end = 0; end < envelope.length; end++)
      expect(readEnvelope(envelope.subarray(0, end), max, key).refusal, `${end} bytes`).toBeDefined();
  });

  it('what was read before a refusal is the beginning of the original', () => {
    for (const { name, envelope, max, key, plain } of vectors.filter(({ verdict }) => verdict === 'valid')) {
      const ends = [95, 96, 104, 105, 160, envelope.length - 1].filter((end) => end < envelope.length);
      for (const end of ends) {
        const read = readEnvelope(envelope.subarray(0, end), max, key);
        expect(read.refusal, name).toBeDefined();
        expect(plain?.subarray(0, read.plain.length).equals(read.plain), name).toBe(true);
      }
    }
  });

  it('are read by the line, and refused where a line is none', () => {
    expect(bytesOf('6162 00*3 -'.slice(0, -2)).toString('hex')).toBe('6162000000');
    for (const text of [
      'name: a\nverdict: valid',
      'name: a\nverdict: valid\nenvelope: 0',
      'name: a\nenvelope: -\nsize: 3',
    ])
      expect(() => vectorsOf(text)).toThrow(/^vector: /);
  });
});

/** Runs the program once for each file, in one process: what it writes as hexadecimal digits, or `refused`. */
const RUNNER = `
import io, runpy, sys, types, zlib
program, *files = sys.argv[1:]
out = sys.stdout
for file in files:
    sys.argv, sys.stdout = [program, file], types.SimpleNamespace(buffer=io.BytesIO())
    try:
        runpy.run_path(program, run_name="__main__")
        answer = sys.stdout.buffer.getvalue().hex() or "-"
    except (SystemExit, zlib.error):
        answer = "refused"
    sys.stdout = out
    print(answer)
`;

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('the program of docs/format.md skipped: there is no python3');

describe.runIf(hasPython)('the program in docs/format.md', () => {
  it('is one, of twenty lines at most', () => {
    expect(programs.length).toBe(1);
    expect(programs[0]?.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
  });

  it('writes the plain bytes of every vector that is not encrypted, and refuses all others', () => {
    const program = join(folder, 'x.py');
    const runner = join(folder, 'run.py');
    writeFileSync(program, programs[0] as string);
    writeFileSync(runner, RUNNER);
    // A key and a limit are the reader's: to the program the envelope alone is good.
    const asked = vectors.filter(
      ({ verdict, envelope }) => verdict === 'valid' || verdict === 'ENVELOPE_INVALID' || (envelope[8] as number) > 1,
    );
    const files = asked.map(({ envelope }, index) => {
      const file = join(folder, String(index));
      writeFileSync(file, envelope);
      return file;
    });
    const { status, stdout, stderr } = spawnSync('python3', [runner, program, ...files], { maxBuffer: 1 << 24 });
    expect(status, String(stderr)).toBe(0);
    const answers = String(stdout).trimEnd().split('\n');
    expect(answers.length).toBe(asked.length);
    for (const [index, { name, verdict, key, plain }] of asked.entries()) {
      const isGood = verdict === 'valid' && key === undefined;
      expect(answers[index], name).toBe(isGood ? (plain as Buffer).toString('hex') || '-' : 'refused');
    }
  });
});
