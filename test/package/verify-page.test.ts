/**
 * Guards docs/verify.md: its shell examples are taken from the page and run, in their order, against a log that was just
 * written. It needs `dist`, openssl, Python and sha256sum; what is missing it says in one line, and then passes nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORIGIN, type Written, written } from '../lab/written';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = join(root, 'dist', 'runtimes', 'node', 'cli.js');
const page = readFileSync(join(root, 'docs', 'verify.md'), 'utf8');
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);

const has = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const missing = ['bash', 'openssl', 'python3', 'sha256sum', 'od', 'base64'].filter((tool) => !has(tool));
if (!existsSync(bin)) missing.push('a build');
if (missing.length > 0) console.log(`verify.md: skipped, ${missing.join(', ')} missing`);

let folder = '';
let log: Written;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tracehound-page-'));
  log = await written({
    count: 300,
    act: async (th) => {
      const { signature } = th.quarantine.list({ limit: 1 })[0]!;
      writeFileSync(join(folder, 'evidence.json'), await th.quarantine.export(signature, { actor: 'a', purpose: 'p' }));
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }), 120_000);

/** All blocks as one script, which stops at the first command that fails. */
function run(change: (path: string) => void = () => {}): { status: number | null; said: string } {
  rmSync(join(folder, 'audit'), { recursive: true, force: true });
  for (const made of ['audit.policy', 'log.thlog']) rmSync(join(folder, made), { force: true });
  for (const [key, bytes] of log.store.objects) {
    mkdirSync(dirname(join(folder, 'audit', key)), { recursive: true });
    writeFileSync(join(folder, 'audit', key), bytes);
  }
  change(join(folder, 'audit', ORIGIN));
  const command = `tracehound() { "${process.execPath}" "${bin}" "$@"; }`;
  const script = [command, ...blocks.map((block, i) => `echo "block ${i}"\n${block}`)].join('\n');
  const { status, stdout, stderr } = spawnSync('bash', ['-eu', '-c', script], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, vkey: log.signer.vkey },
  });
  return { status, said: `${stdout}\n${stderr}` };
}

describe.runIf(missing.length === 0)('docs/verify.md', { timeout: 180_000 }, () => {
  it('has examples that run', () => {
    const { status, said } = run();
    expect(status, said).toBe(0);
    expect(blocks.length).toBeGreaterThan(8);
    expect(said).toContain(`block ${blocks.length - 1}`);
    expect(said).toMatch(/^example\.com\/log 304 root [0-9a-f]{64}$/m);
  });

  it('has recipes that find what was changed', () => {
    const ours = blocks.findIndex((block) => block.startsWith('cd audit'));
    const theirs = blocks.splice(0, ours);
    try {
      /** Changes a bit of a file, so many bytes behind the last of some texts that follow on each other. */
      const flip =
        (file: string, at: number, ...texts: string[]) =>
        (path: string) => {
          const bytes = readFileSync(join(path, file));
          const byte = texts.reduce((from, text) => bytes.indexOf(text, from), 0) + at;
          bytes[byte] = bytes[byte]! ^ 1;
          writeFileSync(join(path, file), bytes);
        };
      expect(run().status).toBe(0);
      for (const change of [
        flip('tile/entries/000', 178 * 12 + 100),
        flip('tile/0/000', 1_000),
        flip('checkpoint', 17),
        flip('checkpoint', 40, '\u2014 '), // within its signature
        flip('tile/details/001.p/48', 40, '\u2014 '), // within one that vouches for the key
        flip('tile/details/001.p/48', 12, '{"note"', '"salt":"'),
      ]) {
        expect(run(change).status).not.toBe(0);
      }
    } finally {
      blocks.unshift(...theirs);
    }
  });
});
