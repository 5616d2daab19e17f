/**
 * Runs an example in the engine of its platform: `npm run example cloudflare/hono`. Another port: `PORT=8788 npm run …`.
 *
 * Relies on: a build, and on `test/engines` for the engines. Refuses: to pretend; what runs is the platform's own engine,
 * for CloudFront the function alone and for Fastly the engine in a host of ours.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveExample } from '../test/engines/serve.ts';

const root = join(import.meta.dirname, '..');
const examples = join(root, 'examples');
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(join(examples, name)).map((file) => `${name}/${file}`))
  .filter((name) => /\/(fetch|hono|object|native|middleware)\.ts$/.test(name))
  .map((name) => name.slice(0, -3));

const [name = ''] = process.argv.slice(2);
const file = join(examples, `${name}.ts`);
if (!names.includes(name) || !existsSync(file)) {
  console.error(`example: which one? npm run example ${names.join(' | ')}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'tracehound-example-'));
const served = await serveExample(file, folder, root, Number(process.env.PORT ?? 8_787));
console.log(`examples/${name}.ts is served at ${served.url}. Try it:

  curl -i '${served.url}/search?q=shoes'
  curl -i '${served.url}/search?q=%27%20or%201=1'
${served.note === undefined ? '' : `\n${served.note}`}`);

const stop = async (): Promise<void> => {
  await served.stop();
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
