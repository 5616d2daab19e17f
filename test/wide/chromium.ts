/**
 * Headless Chromium: opens one page of the machine itself and waits for what the page has to say.
 *
 * Relies on: a Chromium that is installed (`CHROMIUM` names another one). Refuses: any other host.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const WAIT_MS = 60_000;
/** No talk with anybody but the page's own server. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where a Chromium is; when there is none, that is said aloud, because a browser that was not there proved nothing. */
export function findChromium(): string | undefined {
  const found = [process.env.CHROMIUM ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));
  if (found === undefined) {
    console.error(
      `Chromium: MISSING, nothing was run in it: expected one of ${PLACES.join(', ')}, or CHROMIUM to name it`,
    );
  }
  return found;
}

/**
 * Serves `files` by their path and opens `/`. The page answers by posting text to `/said`; `main.js` is loaded as a module.
 */
export async function inChromium(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const page = '<!doctype html><meta charset="utf-8"><script type="module" src="/main.js"></script>';
  const all: Record<string, string | Uint8Array> = { '/': page, ...files };
  let hear = (_: string): void => {};
  const said = new Promise<string>((resolve) => {
    hear = resolve;
  });
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'POST' && path === '/said') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      response.end();
      hear(Buffer.concat(chunks).toString());
      return;
    }
    const body = all[path];
    const type = path.endsWith('.js') ? 'text/javascript' : path === '/' ? 'text/html' : 'application/octet-stream';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), 'tracehound-chromium-'));
  const browser = spawn(
    findChromium() as string,
    [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let complaints = '';
  browser.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => browser.on('close', () => resolve()));
  let patience: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    patience = setTimeout(() => reject(new Error(`Chromium: the page said nothing: ${complaints}`)), WAIT_MS);
  });
  try {
    return await Promise.race([said, late]);
  } finally {
    clearTimeout(patience);
    browser.kill('SIGKILL');
    await ended;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
