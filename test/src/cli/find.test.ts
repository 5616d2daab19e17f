/**
 * Guards `src/cli/find.ts`: the trace id in an answer that refused leads to the records of what was refused, for who has the
 * secret, in whatever way it was copied.
 */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { tracehound } from '../../../src/adapters/fetch';
import { FIND_OPTIONS } from '../../../src/cli/find';
import { hmacSha256 } from '../../../src/formats/sha256';
import { subkeyOf } from '../../../src/formats/subkeys';
import { lab } from '../../lab/lab';
import { command, type Files, type Ran, text } from '../../lab/port';
import { LabStore } from '../../lab/store';
import { deploymentKey, into } from '../../lab/written';

const [secret, other] = [randomBytes(32), randomBytes(32)];
const store = new LabStore();
const traces: { trace: string; id: string; tag: string }[] = [];
let now = 0;

beforeAll(async () => {
  const world = lab({ seed: 3 });
  const th = world.make({
    secret,
    rateLimit: false,
    audit: into(store, { origin: 'example.com/log', signer: deploymentKey() }),
  });
  const handle = tracehound(th, { detect: () => ({ category: 'sqli', severity: 'high' }) })(() => new Response(''));
  for (let i = 0; i < 24; i++) {
    world.now += 1_000;
    const answer = await handle(new Request(`https://a.example/${i}?attack=${i}`));
    const { trace } = (await answer.json()) as { trace: string };
    const found = th.quarantine.find(trace)!;
    traces.push({ trace, id: found.id, tag: found.sourceTag });
  }
  await th.close();
  now = world.now;
});

const files = (): Files =>
  new Map([
    ...[...store.objects].map(([key, bytes]) => [`audit/${key}`, bytes] as [string, Uint8Array]),
    ['secret', text(`${secret.toString('hex')}\n`)],
    ['base64', text(secret.toString('base64'))],
    ['raw', secret],
    ['other', text(other.toString('hex'))],
    ['weak', text('00'.repeat(32))],
  ]);
const find = (...args: string[]): Promise<Ran> => command(['find', ...args], { files: files(), time: now });

describe('tracehound find', () => {
  it('takes several secrets, one after the other', () => {
    expect(FIND_OPTIONS).toMatchObject({ '--secret-file': 'many', '--store': 'one' });
  });

  it('finds each of 24 refused requests by its trace id, and that one alone', async () => {
    for (const { trace, id } of traces) {
      const { code, out, err } = await find(trace, 'audit', '--secret-file', 'secret');
      expect([code, err]).toEqual([0, '']);
      const lines = out.split('\n').filter((line) => line.includes('QUARANTINED'));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(id.slice(0, 36));
    }
  });

  it('reads it as people copy it: in capitals, with white space, with the secret in any spelling', async () => {
    const { trace, id } = traces[7]!;
    for (const spelt of [trace.toUpperCase(), ` ${trace}\n`, `\t${trace.toUpperCase()} `]) {
      for (const file of ['secret', 'base64', 'raw']) {
        expect((await find(spelt, 'audit', '--secret-file', file)).out).toContain(id.slice(0, 36));
      }
    }
    for (const spelt of [id, id.slice(0, 36), id.toUpperCase(), ` ${id} `]) {
      expect((await find(spelt, 'audit')).code).toBe(0);
    }
  });

  it('answers 3 for another secret and for what is in no log, and tries former secrets', async () => {
    const { trace } = traces[3]!;
    expect((await find(trace, 'audit', '--secret-file', 'other')).code).toBe(3);
    expect((await find(trace, 'audit', '--secret-file', 'other', '--secret-file', 'secret')).code).toBe(0);
    for (let i = 0; i < 20; i++) {
      expect((await find(randomBytes(24).toString('hex'), 'audit', '--secret-file', 'secret')).code).toBe(3);
    }
    expect((await find('01a2074f-07c5-738b-b8ae-c1e644a4a085', 'audit')).code).toBe(3);
  });

  it('finds by a trace id that hides a source tag the requests of this source that were limited', async () => {
    const world = lab({ seed: 5 });
    const limited = new LabStore();
    const th = world.make({
      secret,
      rateLimit: { limit: 2, windowMs: 60_000 },
      audit: into(limited, { origin: 'example.com/limited', signer: deploymentKey() }),
    });
    for (let i = 0; i < 5; i++) th.intercept({ source: '192.0.2.7' });
    await th.close();
    const tag = (await command(['tag', '192.0.2.7', '--secret-file', 'secret'], { files: files() })).out.trim();
    const nonce = randomBytes(8);
    const mask = hmacSha256(subkeyOf(secret, 'trace'), nonce);
    const hidden = Buffer.from(tag.slice(0, 32), 'hex').map((byte, i) => byte ^ mask[i]!);
    const trace = Buffer.concat([nonce, hidden]).toString('hex');
    const all = new Map([...files(), ...[...limited.objects].map(([key, bytes]) => [`l/${key}`, bytes] as const)]);
    const { code, out } = await command(['find', trace, 'l', 'audit', '--secret-file', 'secret', '--json'], {
      files: all,
    });
    expect(code).toBe(0);
    const facts = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(facts.every(({ kind, source }) => kind === 'LIMITED' && source === tag)).toBe(true);
    expect(facts[0]).toMatchObject({ log: 'l, example.com/limited', signed: true });
  });

  it.each<[string, string[], RegExp]>([
    ['nothing', [], /expected a trace id or an evidence id/],
    ['no log', ['00'.repeat(24), '--secret-file', 'secret'], /expected a folder, a file or -, got nothing/],
    ['a trace id without a secret', ['00'.repeat(24), 'audit'], /--secret-file: expected one/],
    ['another word', ['hello', 'audit'], /expected a trace id \(48 hex digits\)/],
    ['a weak secret', ['00'.repeat(24), 'audit', '--secret-file', 'weak'], /weak: secret: too weak/],
    ['no secret there', ['00'.repeat(24), 'audit', '--secret-file', 'nowhere'], /nowhere: no such file/],
  ])('answers 4 for %s', async (_, args, message) => {
    const { code, err, out } = await find(...args);
    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(message);
  });

  it('shows nothing of a secret', async () => {
    for (const file of ['secret', 'weak']) {
      const { out, err } = await find(traces[0]!.trace, 'audit', '--secret-file', file);
      expect(out + err).not.toContain(secret.toString('hex').slice(0, 8));
      expect(out + err).not.toContain('00000000000000000000000000000000000');
    }
  });
});
