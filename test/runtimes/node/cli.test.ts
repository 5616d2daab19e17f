/**
 * Guards `runtimes/node/cli.ts`: the command on a real disk and a real socket: links in circles, modules, URLs, and a bundle that is
 * larger than the memory it may take. It runs the built file; without a build it says so in one line and passes nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {} from '../../../runtimes/node/cli';
import { seeded } from '../../ground';
import { bundleCase, canonical, partsOf } from '../../lab/bundles';
import { labKey } from '../../lab/logs';
import { deploymentKey, type Written, written } from '../../lab/written';

const bin = join(import.meta.dirname, '../../../dist/runtimes/node/cli.js');
const built = existsSync(bin);
if (!built) console.log('command on Node: skipped, run `npm run build` first');
const node = process.env.TRACEHOUND_NODE ?? process.execPath;

let folder = '';
let log: Written;
const signer = deploymentKey();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tracehound-node-'));
  log = await written({ count: 30, signer });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function stored(name: string): string {
  for (const [key, bytes] of log.store.objects) {
    const path = join(folder, name, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  return name;
}
const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(node, [bin, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 });

describe.runIf(built)('the command on Node', { timeout: 180_000 }, () => {
  it('ends at once in folders of links to themselves, and finds each log once (20 graphs by seed)', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const name = `graph-${seed}`;
      const folders = [name];
      for (let i = 0; i < 3 + random(5); i++) {
        const made = `${folders[random(folders.length)]}/f${i}`;
        mkdirSync(join(folder, made), { recursive: true });
        folders.push(made);
      }
      const home = `${folders[random(folders.length)]}/store`;
      stored(home);
      for (let i = 0; i < 12; i++) {
        const target = join(folder, folders[random(folders.length)]!);
        symlinkSync(target, join(folder, folders[random(folders.length)]!, `link${i}`));
      }
      const { status, stdout } = run('verify', name, '--key', signer.vkey, '--max-age', '99999999999999');
      expect([status, stdout.match(/^log +example\.com\/log$/gm)?.length], `seed ${seed}\n${stdout}`).toEqual([0, 1]);
    }
  });

  it('names a link that leads out, and does not follow it', () => {
    stored('inside');
    stored('outside');
    symlinkSync(join(folder, 'outside'), join(folder, 'inside/elsewhere'));
    const { stdout, status } = run('verify', 'inside', '--all', '--key', signer.vkey, '--max-age', '99999999999999');
    expect([status, stdout.match(/^log +example/gm)?.length]).toEqual([0, 1]);
    expect(stdout).toMatch(/elsewhere is a link that leads out, and was not followed/);
  });

  it('reads a store that a module exports', () => {
    stored('kept');
    writeFileSync(
      join(folder, 'store.mjs'),
      `import { readFile } from 'node:fs/promises';
       export default { get: (key) => readFile('kept/' + key).catch(() => undefined) };`,
    );
    const trusted = ['--key', signer.vkey, '--max-age', '99999999999999'];
    expect(run('verify', '--store', './store.mjs', ...trusted).status).toBe(0);
    expect(run('inspect', '--store', 'store.mjs', '--kind', 'CLOSE').stdout).toMatch(/CLOSE/);
    const absent = run('verify', '--store', './nowhere.mjs', ...trusted);
    expect([absent.status, absent.stdout]).toEqual([4, '']);
  });

  it('reads a store behind a URL, and follows no redirect', async () => {
    const server = createServer((request, answer) => {
      const path = decodeURI(request.url!).slice(1);
      if (path.startsWith('moved')) return answer.writeHead(302, { location: '/' }).end();
      const bytes = log.store.objects.get(path);
      answer.writeHead(bytes === undefined ? 404 : 200).end(bytes);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const verify = (store: string): Promise<number | null> =>
      new Promise((done) => {
        const args = [bin, 'verify', '--store', store, '--key', signer.vkey, '--max-age', '99999999999999'];
        spawn(node, args, { stdio: 'ignore' }).once('exit', done);
      });
    expect(await verify(url)).toBe(0);
    expect(await verify(`${url}/nothing`)).toBe(3);
    expect(await verify(`${url}/moved`)).toBe(4);
    server.close();
    server.closeAllConnections();
  });

  it('verifies a bundle of 240 MB within 64 MiB more than one of a few bytes', () => {
    const own = labKey('example.com/th/1', 'own');
    const deployment = labKey('example.com/keys/2026');
    const parts = partsOf(bundleCase(own, deployment));
    writeFileSync(join(folder, 'small.json'), canonical(parts));
    const [head, tail] = canonical({ ...parts, item: { ...parts.item, payload: '#here#' } }).split('#here#') as [
      string,
      string,
    ];
    const file = openSync(join(folder, 'large.json'), 'w');
    writeSync(file, head);
    const chunk = Buffer.alloc(2 ** 20, 'QUJD');
    for (let i = 0; i < 240; i++) writeSync(file, chunk);
    writeSync(file, tail);
    const peak = `data:text/javascript,${encodeURIComponent(`
      import { existsSync, readFileSync } from 'node:fs';
      process.on('exit', () => {
        const own = existsSync('/proc/self/status') && /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
        process.stderr.write(own ? own[1] : String(process.resourceUsage().maxRSS));
      });`)}`;
    const peakOf = (name: string, status: number): number => {
      const args = ['--max-old-space-size=24', '--import', peak, bin, 'verify', name, '--key', deployment.vkey];
      const ran = spawnSync(node, args, { cwd: folder, encoding: 'utf8' });
      expect([ran.status, /ITEM: its payload has another hash/.test(ran.stdout)], ran.stdout + ran.stderr).toEqual([
        status,
        status === 1,
      ]);
      return Number(ran.stderr.match(/\d+$/)![0]) / 1_024;
    };
    const [small, large] = [peakOf('small.json', 0), peakOf('large.json', 1)];
    rmSync(join(folder, 'large.json'));
    expect(large - small, `${small} and ${large} MB`).toBeLessThan(64);
  });
});
