/**
 * Guards the pages that are published: every link in the tarball leads to a file of the tarball, and to a heading that is
 * there; no page names an address of ours that does not exist, or has a stranger's package installed.
 *
 * Relies on: a packed and installed package. Refuses: the network; addresses of others are not asked.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, type Packed, packed, root } from './packed';

/** A page without its code: what looks like a link there is an example. */
const prose = (page: string): string => page.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').replaceAll(/`[^`\n]*`/g, '``');

/** Where the links of a page lead, as they are written. */
function targets(page: string): string[] {
  const text = prose(page);
  const inline = text.matchAll(/\]\(\s*<?([^)\s>]*)>?(?:\s+["'(][^)]*)?\)/g);
  const defined = text.matchAll(/^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)/gm);
  const html = text.matchAll(/\b(?:href|src)=["']?([^"'\s>]+)/g);
  return [...inline, ...defined, ...html].map(([, target]) => target!);
}

/** Names of the headings of a page, as a reader of Markdown makes them: small letters, hyphens, a number for the second. */
function anchors(page: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = page.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, title]) => {
      const text = title!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, '');
      const slug = text
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-');
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    }),
  );
}

/** Links that lead nowhere, as `page: link`. `pages` are the texts by path, `files` all that is there. */
function broken(pages: ReadonlyMap<string, string>, files: ReadonlySet<string>): string[] {
  return [...pages].flatMap(([path, page]) =>
    targets(page)
      .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
      .filter((target) => {
        const [file = '', anchor] = target.split('#');
        const place = file === '' ? path : normalize(join(dirname(path), decodeURIComponent(file)));
        if (place.startsWith('..') || file.startsWith('/') || !files.has(place)) return true;
        return anchor !== undefined && pages.has(place) && !anchors(pages.get(place)!).has(anchor);
      })
      .map((target) => `${path}: ${target}`),
  );
}

describe('a link is found to lead nowhere', () => {
  const home = '# One thing\n\n## Two `words`, really\n\n## One thing\n';
  const files = new Set(['a.md', 'docs/b.md', 'LICENSE', 'docs/c.png']);
  const from = (text: string): string[] =>
    broken(
      new Map([
        ['a.md', home],
        ['docs/b.md', text],
      ]),
      files,
    );

  it.each([
    '[x](../a.md)',
    '[x](../a.md#one-thing)',
    '[x](../a.md#one-thing-1)',
    '[x](<../a.md#two-words-really>)',
    '[x](c.png "a picture") and [y](../LICENSE)',
    '`[x](gone.md)`',
    '```md\n[x](gone.md)\n```',
    '# Here\n\n[x](#here)',
    '[x](https://example.org/gone.md)',
  ])('not in %j', (text) => expect(from(text)).toEqual([]));

  it.each([
    ['[x](gone.md)', 'gone.md'],
    ['![x](gone.png)', 'gone.png'],
    ['[x]\n\n[x]: gone.md', 'gone.md'],
    ['<a href="gone.md">x</a>', 'gone.md'],
    ['[x](../a.md#three-things)', '../a.md#three-things'],
    ['[x](#nowhere)', '#nowhere'],
    ['[x](../../outside.md)', '../../outside.md'],
    ['[x](/a.md)', '/a.md'],
  ])('in %j', (text, target) => expect(from(text)).toEqual([`docs/b.md: ${target}`]));
});

describe.runIf(built)('in the packed package', () => {
  let of: Packed;
  let pages: Map<string, string>;
  beforeAll(() => {
    of = packed();
    const names = of.files.filter((file) => file.endsWith('.md'));
    pages = new Map(names.map((name) => [name, readFileSync(join(of.installed, name), 'utf8')]));
  });
  afterAll(() => of?.remove());

  it('every link leads to a file that is there, and to a heading in it', () => {
    expect(pages.size).toBeGreaterThan(15);
    expect([...pages.values()].flatMap(targets).length).toBeGreaterThan(50);
    expect(broken(pages, new Set(of.files))).toEqual([]);
  });

  it('nothing names an address of ours: there is none yet', () => {
    const ours = /(?:https?:\/\/|git@|github:)[^\s"'`)>]*tracehound/i;
    const texts = of.files.filter((file) => /\.(md|json|js|ts|html)$/.test(file));
    expect(texts.filter((file) => ours.test(readFileSync(join(of.installed, file), 'utf8')))).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(of.installed, 'package.json'), 'utf8')) as object;
    expect(Object.keys(manifest).filter((key) => /^(repository|homepage|bugs|funding)$/.test(key))).toEqual([]);
    expect('see https://github.com/someone/tracehound').toMatch(ours);
  });

  it('no page has a package of our name installed from a registry, which would be somebody else’s', () => {
    const stranger =
      /\b(?:npm (?:i|install|add)|yarn add|pnpm add|bun add|deno add|deno install)\b[^\n`]*?\s(?:npm:)?tracehound(?![\w./-])/;
    expect([...pages].filter(([, page]) => stranger.test(page)).map(([name]) => name)).toEqual([]);
    expect('npm install --save tracehound hono').toMatch(stranger);
    expect([...pages].filter(([, page]) => /['"]npm:tracehound/.test(page)).map(([name]) => name)).toEqual([]);
    expect('npm install ./tracehound-0.1.0.tgz hono').not.toMatch(stranger);
  });

  it('the file that the README has installed is the one that `npm pack` writes', () => {
    const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>;
    for (const page of pages.values()) {
      for (const [file] of page.matchAll(/tracehound-[\w.]+\.tgz/g)) expect(file).toBe(`${name}-${version}.tgz`);
    }
    expect(pages.get('README.md')).toContain(`npm install ../tracehound/${name}-${version}.tgz`);
  });
});
