/**
 * Guards docs/engines.md and the page of evidence in docs/format.md: what a table says is held by a test is the title of
 * one, and every field and state of an evidence message stands in its table.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CASES } from '../conformance/index';
import { bytes, facts, take } from '../lab/capture';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The cells of every table row under a heading. */
function rows(page: string, heading: string): string[][] {
  const [, rest = ''] = page.split(`\n${heading}\n`, 2);
  const section = rest.split(/\n#{2,3} /, 1)[0]!;
  const lines = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
  return lines.slice(1).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('docs/engines.md', () => {
  const page = read('docs/engines.md');
  const promises = new Set(CASES.map(({ promise }) => promise));
  const requests = read('test/engines/requests.test.ts');
  const headings = ['## Requests', '## Bodies and streams', '## Keys', '## Timers, bytes and objects'];
  const all = headings.flatMap((heading) => rows(page, heading));

  it('names for each difference what is done about it, and a test that exists', () => {
    expect(all.length).toBeGreaterThanOrEqual(20);
    for (const row of all) {
      const [what, seen, does, held] = row as [string, string, string, string];
      expect(
        [what, seen, does].every((cell) => cell.length > 3),
        what,
      ).toBe(true);
      const named = [...held.matchAll(/(requests|suite): "([^"]+)"/g)];
      expect(named.length, what).toBeGreaterThan(0);
      for (const [, where, title] of named) {
        if (where === 'suite') expect(promises, what).toContain(title);
        else expect(requests, what).toContain(title);
      }
    }
  });
});

describe('docs/format.md', () => {
  const page = read('docs/format.md');
  const names = (heading: string): string[] => rows(page, heading).map(([cell]) => cell!.replaceAll('`', ''));

  it('lists every field of ours', async () => {
    const long = 'z'.repeat(70_000);
    const full = await take(
      facts({
        ...{ target: '/x', authority: 'a', scheme: 'https', version: undefined, peer: 'p' },
        fields: Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, long.slice(0, 50)] as const),
        buffered: () => Promise.resolve({ bytes: bytes(long), remade: true }),
      }),
    );
    const own = full.names.filter((name) => name.startsWith('Tracehound-'));
    expect(names('## Evidence of a request')).toEqual(own);
  });

  it('lists every state of a body', () => {
    const type = /export type BodyState =([^;]+);/.exec(read('src/http/body.ts'))![1]!;
    const states = [...type.matchAll(/'(\w+)'/g)].map(([, state]) => state);
    expect(names('### States of a body')).toEqual(states);
  });

  it('shows a message as it is written', async () => {
    const [, example = ''] = /## Evidence of a request[\s\S]*?```text\n([\s\S]*?)```/.exec(page) ?? [];
    const fields = [
      ['Host', 'shop.example'],
      ['Authorization', 'Bearer s3cr3t'],
      ['Content-Length', '5'],
    ] as const;
    const { payload } = await take(
      facts({
        ...{ method: 'GET', version: '1.1', scheme: 'http', peer: '203.0.113.9:50144' },
        target: 'http://169.254.169.254/latest/meta-data/',
        fields: fields.filter(([name]) => name !== 'Content-Length'),
        content: 'hello',
      }),
      { source: '203.0.113.9' },
    );
    const alike = (text: string): string => text.replace(/hmac:[0-9a-f]{16}/, 'hmac:*').trim();
    expect(alike(payload.replaceAll('\r\n', '\n'))).toBe(alike(example));
  });
});
