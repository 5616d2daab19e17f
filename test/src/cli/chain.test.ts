/**
 * Guards `src/cli/chain.ts`: what a log says of the one before it, also where one of the two is hostile or full of holes. And
 * the corners of reports that no sound log reaches.
 */
import { describe, expect, it, vi } from 'vitest';
import { Chain, type Judged } from '../../../src/cli/chain';
import { Output } from '../../../src/cli/output';
import { logLines, withFinding, worst } from '../../../src/cli/report';
import { forEachSubject } from '../../../src/cli/subject';
import { Frontier, leafHash } from '../../../src/formats/tlog';
import { macSigner } from '../../../src/signers/index';
import type { FoundLog } from '../../../src/verify/directory';
import type { LogReport } from '../../../src/verify/report';
import type { LogEntry } from '../../../src/verify/source';
import { chunked, command, type Files, text } from '../../lab/port';
import { written } from '../../lab/written';

const RESUME = 8;

/** A record of a kind, with a claim about the log before it. */
function record(kind: number, size = 0n, root: Uint8Array = new Uint8Array(32)): Uint8Array {
  const bytes = Buffer.alloc(176);
  bytes[1] = kind;
  bytes.writeBigUInt64BE(size, 24);
  bytes.set(root, 80);
  return bytes;
}

const entry = (bytes: Uint8Array, facts?: unknown): LogEntry => ({
  kind: 'record',
  record: bytes,
  place: 'p',
  ...(facts === undefined ? {} : { detail: text(typeof facts === 'string' ? facts : JSON.stringify(facts)) }),
});

const logOf = (path: string, entries: readonly LogEntry[]): FoundLog => ({
  path,
  store: '',
  isLatest: false,
  source: {
    origin: path,
    checkpoints: async () => [],
    entries: async function* () {
      yield entries;
    },
  },
});

const report = (origin: string, size: number, root = ''): LogReport => ({
  origin,
  size,
  root,
  integrity: 'good',
  authenticity: 'good',
  completeness: 'good',
  freshness: 'good',
  findings: [],
  findingsTotal: 0,
  open: 0,
  closed: false,
  records: size,
  unavailable: 0,
  exitCode: 0,
});

/** Findings about `before`, after `next` was read. */
async function found(next: readonly LogEntry[], before: FoundLog | undefined, facts?: LogReport): Promise<string[]> {
  const chain = new Chain();
  const log = logOf('next', next);
  for await (const _ of chain.watch(log).entries());
  const judged: Judged[] = before === undefined ? [] : [{ log: before, report: facts! }];
  return (await chain.compare(judged)).map(
    ({ log: about, finding }) => `${about.path} ${finding.severity} ${finding.code}`,
  );
}

const leaves = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(i & 255, i >> 8)));
const rootOf = (count: number): Uint8Array => {
  const tree = new Frontier();
  for (const leaf of leaves.slice(0, count)) tree.append(leaf);
  return tree.root();
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const leaf = (hash: Uint8Array): LogEntry => ({ kind: 'leaf', hash, place: 'p' });

describe('a chain of logs', () => {
  const before = logOf('before', leaves.map(leaf));
  const claim = (size: number, root: Uint8Array, more = {}): LogEntry[] => [
    entry(record(RESUME, BigInt(size), root), { origin: 'before', ...more }),
  ];

  it('holds where the next log says what is there', async () => {
    expect(await found(claim(300, rootOf(300)), before, report('before', 300, hex(rootOf(300))))).toEqual([]);
    expect(await found(claim(256, rootOf(256)), before, report('before', 300, hex(rootOf(300))))).toEqual([]);
    const short: LogEntry[] = [
      { kind: 'subtree', level: 8, hash: rootOf(256), place: 'p' },
      ...leaves.slice(256).map(leaf),
    ];
    expect(await found(claim(257, rootOf(257)), logOf('before', short), report('before', 300))).toEqual([]);
  });

  it('breaks where it does not', async () => {
    const facts = report('before', 300, hex(rootOf(300)));
    expect(await found(claim(300, rootOf(299)), before, facts)).toEqual(['before bad REWRITTEN']);
    expect(await found(claim(257, rootOf(256)), before, facts)).toEqual(['before bad REWRITTEN']);
    expect(await found(claim(301, rootOf(300)), before, facts)).toEqual(['before bad ROLLED_BACK']);
  });

  it('is not judged where nobody can tell', async () => {
    const facts = report('before', 300, hex(rootOf(300)));
    expect(await found(claim(300, new Uint8Array(32)), before, facts)).toEqual([]);
    expect(await found(claim(0, rootOf(3)), before, facts)).toEqual([]);
    expect(await found(claim(300, rootOf(1)), before, report('before', 300, ''))).toEqual([]);
    const within: LogEntry[] = [{ kind: 'subtree', level: 8, hash: rootOf(256), place: 'p' }];
    expect(await found(claim(200, rootOf(1)), logOf('before', within), facts)).toEqual([]);
    const hole: LogEntry[] = [{ kind: 'missing', count: 300, place: 'p' }];
    expect(await found(claim(200, rootOf(1)), logOf('before', hole), facts)).toEqual([]);
    const small: LogEntry[] = [{ kind: 'missing', count: 3, place: 'p' }, ...leaves.map(leaf)];
    expect(await found(claim(200, rootOf(1)), logOf('before', small), facts)).toEqual([]);
    expect(await found(claim(200, rootOf(1)), logOf('before', []), facts)).toEqual([]);
  });

  it('does not take an end without CLOSE for a whole log, as long as the log has not gone on', async () => {
    const said = claim(300, rootOf(300), { ended: 'open' });
    const facts = report('before', 300, hex(rootOf(300)));
    expect(await found(said, before, facts)).toEqual(['before unknown ENDED_OPEN']);
    expect(await found(said, before, { ...facts, closed: true })).toEqual([]);
    expect(await found(claim(256, rootOf(256), { ended: 'open' }), before, facts)).toEqual([]);
    expect(await found(claim(300, rootOf(300), { ended: 'closed' }), before, facts)).toEqual([]);
  });

  it('misses a log that was in the store, and only notes one that may have been elsewhere', async () => {
    expect(await found(claim(3, rootOf(3), { ended: 'closed' }), undefined)).toEqual(['next bad LOG_MISSING']);
    expect(await found(claim(3, rootOf(3)), undefined)).toEqual(['next note LOG_MISSING']);
  });

  it('takes no other record for a claim, whatever its sidecar says', async () => {
    const facts = { origin: 'before', ended: 'closed' };
    const entries = [
      entry(record(RESUME)),
      entry(record(RESUME), 'no JSON'),
      entry(record(RESUME), 'null'),
      entry(record(RESUME), '7'),
      entry(record(RESUME), { origin: 7, ended: 'closed' }),
      entry(record(RESUME), { size: 3 }),
      entry(record(2), facts),
      entry(record(RESUME).subarray(0, 100), facts),
      leaf(rootOf(1)),
      { kind: 'missing', count: 3, place: 'p' } as const,
    ];
    expect(await found(entries, undefined)).toEqual([]);
  });
});

describe('a report', () => {
  it('gets worse with a finding, never better', () => {
    const sound = report('x', 3);
    const bad = { severity: 'bad', code: 'X', message: 'x' } as const;
    expect(withFinding(sound, { ...bad, verdict: 'completeness' })).toMatchObject({ completeness: 'bad', exitCode: 2 });
    expect(withFinding(sound, { ...bad, verdict: 'authenticity' })).toMatchObject({ authenticity: 'bad', exitCode: 1 });
    expect(withFinding({ ...sound, exitCode: 1 }, { ...bad, verdict: 'completeness' }).exitCode).toBe(1);
    const noted = withFinding(sound, { ...bad, verdict: 'integrity', severity: 'note' });
    expect(noted).toMatchObject({ integrity: 'good', exitCode: 0, findingsTotal: 1 });
    const unknown = { ...bad, severity: 'unknown' } as const;
    expect(withFinding(sound, { ...unknown, verdict: 'completeness' })).toMatchObject({
      completeness: 'unknown',
      exitCode: 2,
    });
    expect(withFinding(sound, { ...unknown, verdict: 'integrity' })).toMatchObject({
      integrity: 'unknown',
      exitCode: 3,
    });
    const worse = { ...sound, completeness: 'bad', exitCode: 2 } as const;
    expect(withFinding(worse, { ...unknown, verdict: 'completeness' })).toMatchObject({
      completeness: 'bad',
      exitCode: 2,
    });
    expect(worst([])).toBe(0);
    expect([worst([0, 3]), worst([3, 2]), worst([2, 1, 3])]).toEqual([3, 2, 1]);
  });

  it('names the bad record that comes first, and a tile only where nothing else is', () => {
    const bad = (code: string, seq?: number) =>
      ({ verdict: 'integrity', severity: 'bad', code, message: '', ...(seq === undefined ? {} : { seq }) }) as const;
    const first = (...findings: ReturnType<typeof bad>[]): string | undefined =>
      [...logLines('', { ...report('x', 0), findings, findingsTotal: findings.length })].find((line) =>
        line.startsWith('first bad'),
      );
    expect(first(bad('TILE', 0), bad('LINK', 9), bad('SEQ', 7), bad('LINK', 8), bad('ROOT'))).toMatch(/record 7$/);
    expect(first(bad('TILE', 256), bad('TILE', 0))).toMatch(/record 0$/);
    expect(first(bad('ROOT'))).toBeUndefined();
  });

  it('says what it left out', () => {
    const lines = [...logLines('', { ...report('x', 0), findingsTotal: 1_234 })];
    expect(lines).toContain('  … and 1,234 more');
    expect(lines.some((line) => line.startsWith('head'))).toBe(false);
    const { origin: _, ...nameless } = report('x', 3);
    expect([...logLines('f', nameless)].slice(0, 4)).toEqual([
      'log           nobody says which',
      'at            f',
      'records       3',
      'head          cannot be computed',
    ]);
    const whole = withFinding(report('x', 0), {
      verdict: 'integrity',
      severity: 'note',
      code: 'X',
      message: 'a\u001b[2J',
    });
    expect([...logLines('', whole)]).toContain('  note     integrity, X: a\\u{1b}[2J');
    expect([...logLines('', whole)].some((line) => line.includes('more'))).toBe(false);
  });
});

describe('a log that is signed with tags', () => {
  it('is verified with its master, as bytes or as hex digits, and with no other', async () => {
    const master = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
    const { store, now } = await written({ signer: macSigner({ master, origin: 'example.com/log' }) });
    const files: Files = new Map([...store.objects].map(([key, bytes]) => [`audit/${key}`, bytes]));
    files.set('raw', master);
    files.set('hex', text(`${hex(master)}\n`));
    files.set('other', new Uint8Array(32));
    const run = async (...args: string[]): Promise<number> =>
      (await command(['verify', 'audit', ...args], { files, time: now })).code;
    expect([await run('--mac-key', 'raw'), await run('--mac-key', 'hex')]).toEqual([0, 0]);
    expect([await run('--mac-key', 'other'), await run()]).toEqual([3, 3]);
    const { out } = await command(['verify', 'audit', '--mac-key', 'raw'], { files, time: now });
    expect(out).toMatch(/^trust +1 key given$/m);
  });
});

describe('a platform that fails', () => {
  it('is heard, wherever it fails', async () => {
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield text('THLOG\r\n\u0001');
      throw new Error('the disk is on fire');
    };
    expect(await command(['verify', 'f'], { files: new Map([['f', text('')]]), open })).toMatchObject({
      code: 4,
      err: 'tracehound: the disk is on fire\n',
    });
    const late = await command(['inspect', 'f'], { files: new Map([['f', text('')]]), open });
    expect(late.code).toBe(4);
  });

  it('is not taken for a forger when it cannot check a signature', async () => {
    let bundle: Uint8Array = new Uint8Array(0);
    const { signer } = await written({
      act: async (th) => {
        bundle = await th.quarantine.export(th.quarantine.list({ limit: 1 })[0]!.signature, {
          actor: 'a',
          purpose: 'p',
        });
      },
    });
    const broken = vi.spyOn(crypto.subtle, 'verify').mockRejectedValue(new Error('no keys today'));
    const ran = await command(['verify', 'f', '--key', signer.vkey], { files: new Map([['f', bundle]]) });
    broken.mockRestore();
    expect([ran.code, ran.err]).toEqual([4, 'tracehound: no keys today\n']);
  });

  it('need not have a digest', async () => {
    const files: Files = new Map([['f', text('{"checkpoint":"x')]]);
    expect((await command(['verify', 'f'], { files, digest: undefined } as never)).code).toBe(1);
  });

  it('is not asked for a bundle without end', async () => {
    let chunks = 0;
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield text('{"checkpoint":"');
      for (;;) {
        chunks++;
        yield new Uint8Array(2 ** 26);
      }
    };
    const { code, err } = await command(['verify', 'f'], { files: new Map([['f', text('')]]), open });
    expect([code, err.split('\n')[0], chunks]).toEqual([
      4,
      'tracehound: f: too large for a bundle, expected ≤ 256 MiB',
      4,
    ]);
  });

  it('is told to take away what was put aside, also when something failed', async () => {
    let dropped = 0;
    const port = {
      input: () => chunked(text('x')),
      spool: async () => ({ open: () => chunked(text('x')), drop: async () => void dropped++ }),
    };
    const failing = forEachSubject(port as never, ['-'], {}, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(dropped).toBe(1);
    await new Output(port as never).flush();
  });
});
