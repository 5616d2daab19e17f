/**
 * Fastly's own local server: serves what js-compute built on a port of this machine. Its host calls are Fastly's, where
 * test/engines/fastly-host.ts is ours; the engine is in the module in both.
 *
 * Relies on: `tools/viceroy.ts`, which builds it. Refuses: other addresses than 127.0.0.1, and backends. It ends what it
 * started.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findViceroy } from '../../tools/viceroy';

/** Viceroy compiles the module before it listens: 12 MB, seven seconds on two cores. */
const START_MS = 120_000;

export const viceroy: ReturnType<typeof findViceroy> = findViceroy();
if (viceroy.missing !== undefined) console.error(`Viceroy: MISSING, nothing was run in it: ${viceroy.missing}`);

export interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves `<folder>/app.wasm`. `config` is what stands under `[local_server]` in a `fastly.toml`: the stores that the program
 * opens, and what lies in them. They live as long as the server does, over all requests.
 */
export async function serveInViceroy(folder: string, config = ''): Promise<Served> {
  if (viceroy.path === undefined) {
    throw new Error(`Viceroy: not built, expected ${viceroy.version}, run \`node tools/viceroy.ts\``);
  }
  writeFileSync(join(folder, 'fastly.toml'), `manifest_version = 3\n[local_server]\n${config}\n`);
  const server = spawn(viceroy.path, ['-v', '-C', 'fastly.toml', '--addr', '127.0.0.1:0', 'app.wasm'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {},
  });
  const gone = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    await gone;
  };
  let patience: NodeJS.Timeout | undefined;
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      const fail = (what: string): void => reject(new Error(`Viceroy: ${what}, expected it to listen, got\n${said}`));
      const hear = (chunk: Buffer): void => {
        said = (said + chunk).slice(-2_000);
        const heard = /Listening on (http:\S+)/.exec(said);
        if (heard) resolve(heard[1]!);
      };
      server.stdout.on('data', hear);
      server.stderr.on('data', hear);
      server.once('error', reject);
      server.once('close', (code) => fail(`ended with ${code}`));
      patience = setTimeout(fail, START_MS, `silent for ${START_MS} ms`);
    });
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(patience);
  }
}
