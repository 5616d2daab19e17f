/**
 * The real engines, and how a bundled program is run in each. What is missing is said by name and fails: an engine that
 * was not there proved nothing.
 *
 * Relies on: `npm ci --prefix test/engines`. Refuses: stand-ins. Every process started here is ended here.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Target } from './programs';

export const modules: string = join(import.meta.dirname, 'node_modules');
const rootModules = join(import.meta.dirname, '..', '..', 'node_modules');
const require = createRequire(import.meta.url);
const exec = promisify(execFile);

/** Longest that one engine may take, build included. */
const RUN_MS = 240_000;

export interface Engine {
  readonly name: string;
  readonly target: Target;
  /** `tracehound/<runtime>`. */
  readonly runtime: 'node' | 'cloudflare' | 'vercel' | 'fastly' | 'lambda-edge' | 'deno' | 'bun';
  /** Version of the package that brings the engine. */
  version(): string;
  /** Runs the program in `folder`, bundled for `target`; returns what `main` returned. */
  run(folder: string): Promise<string>;
}

/** A script engine: a command that runs a file. */
export interface ScriptEngine extends Engine {
  readonly target: 'script';
  /** Runs a file and returns what it printed. */
  script(file: string, ...args: string[]): Promise<string>;
}

function installed(engine: string, path: string): string {
  if (existsSync(path)) return path;
  throw new Error(`${engine}: not installed, expected ${path}, run \`npm ci --prefix test/engines\``);
}

function versionOf(engine: string, folder: string): string {
  return (JSON.parse(readFileSync(installed(engine, join(folder, 'package.json')), 'utf8')) as { version: string })
    .version;
}

/** What a command printed. When it fails, the end of what it said: engines like to show the whole program first. */
async function output(command: string, args: string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await exec(command, args, { cwd, timeout: RUN_MS, maxBuffer: 2 ** 26 });
    return stdout.trim();
  } catch (error) {
    const { code, signal, stdout, stderr } = error as {
      code?: unknown;
      signal?: unknown;
      stdout?: string;
      stderr?: string;
    };
    const end = `${stdout ?? ''}\n${stderr ?? ''}`.trim().slice(-1_500);
    throw new Error(`${command}: failed with ${code ?? signal}, expected success, got\n${end}`);
  }
}

/** An engine that a command starts, with what stands before the file. */
export function script(name: string, folder: string, binary: string, ...args: string[]): ScriptEngine {
  const run = (file: string, ...rest: string[]): Promise<string> => {
    const path = installed(name, join(folder, binary));
    // Deno's package brings a script that starts the binary.
    const command = path.endsWith('.cjs') ? [process.execPath, path] : [path];
    return output(command[0]!, [...command.slice(1), ...args, file, ...rest], join(file, '..'));
  };
  return {
    name,
    target: 'script',
    runtime: name === 'deno' || name === 'bun' ? name : 'node',
    version: () => versionOf(name, folder),
    run: (where) => run(join(where, 'app.mjs')),
    script: run,
  };
}

export const node24: ScriptEngine = script('node 24', join(rootModules, 'node'), 'bin/node');
export const SCRIPT_ENGINES: readonly ScriptEngine[] = [
  script('node 20', join(modules, 'node20'), 'bin/node'),
  script('node 22', join(modules, 'node22'), 'bin/node'),
  node24,
  script('node 26', join(modules, 'node26'), 'bin/node'),
  script('deno', join(modules, 'deno'), 'bin.cjs', 'run', '--quiet', '--cached-only', '--node-modules-dir=manual'),
  script('bun', join(modules, 'bun'), 'bin/bun.exe', 'run', '--no-install'),
];

/** Cloudflare's: a worker answers one request on a socket that workerd chooses and names on its control pipe. */
const workerd: Engine = {
  name: 'workerd',
  target: 'workerd',
  runtime: 'cloudflare',
  version: () => versionOf('workerd', join(modules, 'workerd')),
  run: async (folder) => {
    installed('workerd', join(modules, 'workerd'));
    const binary = (require('./node_modules/workerd') as { default: string }).default;
    writeFileSync(
      join(folder, 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "app.mjs", esModule = embed "app.mjs"), (name = "core.wasm", wasm = embed "core.wasm")],
    compatibilityDate = "2026-11-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
    );
    const server = spawn(installed('workerd', binary), ['serve', 'config.capnp', '--control-fd=3'], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    try {
      const port = await new Promise<number>((resolve, reject) => {
        let said = '';
        server.stdio[3]!.on('data', (chunk: Buffer) => {
          said += chunk;
          const heard = /"event":"listen".*"port":(\d+)/.exec(said);
          if (heard) resolve(Number(heard[1]));
        });
        server.once('error', reject);
        server.once('exit', (code) => reject(new Error(`workerd: ended with ${code}, expected it to listen`)));
      });
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(RUN_MS) });
      const text = await response.text();
      if (!response.ok) throw new Error(`workerd: answered ${response.status}, expected a report, got ${text}`);
      return text;
    } finally {
      server.removeAllListeners('exit');
      server.kill('SIGKILL');
    }
  },
};

/** Builds the program in `folder` with Fastly's own tools; answers the bytes of the module. */
export async function fastlyModule(folder: string): Promise<Uint8Array> {
  const cli = installed('fastly', join(modules, '@fastly', 'js-compute', 'dist', 'cli', 'js-compute-runtime-cli.js'));
  await output(process.execPath, [cli, 'app.mjs', 'app.wasm'], folder);
  return readFileSync(join(folder, 'app.wasm'));
}

/** Fastly's: what js-compute builds holds the engine that will serve it; a host of our own calls it. */
const fastly: Engine = {
  name: 'fastly',
  target: 'fastly',
  runtime: 'fastly',
  version: () => versionOf('fastly', join(modules, '@fastly', 'js-compute')),
  run: async (folder) => {
    await fastlyModule(folder);
    return node24.script(join(import.meta.dirname, 'fastly-serve.ts'), join(folder, 'app.wasm'));
  },
};

/** Lambda's: CloudFront calls a function with an event and gets a value, in the Node that Lambda offers. */
const lambda: Engine = {
  name: 'lambda-edge',
  target: 'lambda-edge',
  runtime: 'lambda-edge',
  version: () => versionOf('node 22', join(modules, 'node22')),
  run: async (folder) => {
    const node22 = SCRIPT_ENGINES.find(({ name }) => name === 'node 22')!;
    const invoke = join(folder, 'invoke.cjs');
    writeFileSync(invoke, "require('./app.cjs').handler().then(({ body }) => console.log(body));");
    return node22.script(invoke);
  },
};

/** Vercel's sandbox. It lets bytes be compiled where production does not, so the ban is put in first. */
const edgeLight: Engine = {
  name: 'edge-runtime',
  target: 'edge-light',
  runtime: 'vercel',
  version: () => versionOf('edge-runtime', join(modules, 'edge-runtime')),
  run: async (folder) => {
    installed('edge-runtime', join(modules, 'edge-runtime'));
    const { EdgeRuntime } = require('./node_modules/edge-runtime') as {
      EdgeRuntime: new (options: {
        initialCode: string;
        extend<C extends object>(context: C): C;
      }) => {
        dispatchFetch(url: string): Promise<Response>;
      };
    };
    const ban = 'globalThis.WebAssembly = { Instance: WebAssembly.Instance };';
    const runtime = new EdgeRuntime({
      initialCode: `${ban}\n${readFileSync(join(folder, 'app.mjs'), 'utf8')}`,
      extend: (context) =>
        Object.assign(context, { wasm_core: new WebAssembly.Module(readFileSync(join(folder, 'core.wasm'))) }),
    });
    return (await runtime.dispatchFetch('http://127.0.0.1/')).text();
  },
};

export const ENGINES: readonly Engine[] = [...SCRIPT_ENGINES, workerd, edgeLight, fastly, lambda];
