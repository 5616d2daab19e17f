/**
 * Guards what an auditor does on a machine of their own: a bundle of evidence and a whole log, verified in a browser from
 * the packed package, with nothing but the files and the public key.
 */
import { build } from 'esbuild';
import { expect, inject, it } from 'vitest';
import { createTracehound } from '../../runtimes/node/index';
import { storedLog } from '../../src/log/index';
import { generateKey, signerFromText } from '../../src/signers/index';
import { memoryStore } from '../../src/stores/memory';
import { packLog, storeSource } from '../../src/verify/index';
import { findChromium, inChromium } from './chromium';

const ORIGIN = 'example.com/browser';

/** What the page does: everything it knows came with the request. */
const PAGE = `
import { fileSource, openCheckpoint, parsePolicy, verifyBundle, verifyLog } from 'tracehound/verify';
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
const verdicts = ({ integrity, authenticity, completeness, exitCode }) => ({ integrity, authenticity, completeness, exitCode });
async function main() {
  const policy = parsePolicy(new TextDecoder().decode(await bytes('/policy')));
  const bundle = await bytes('/bundle');
  const forged = new TextDecoder().decode(bundle).replace('"severity":"high"', '"severity":"low"');
  const changed = new TextDecoder().decode(bundle).replace(/"payload":"(.)/, (_, c) => '"payload":"' + (c === 'A' ? 'B' : 'A'));
  const log = await bytes('/log');
  const source = (bytes) => fileSource(async function* () { yield bytes; }, 'log');
  const cut = log.slice();
  cut[cut.length >> 1] ^= 1;
  const report = await verifyBundle(bundle, { policy });
  return {
    agent: navigator.userAgent,
    node: typeof process + typeof Buffer,
    bundle: verdicts(report),
    payload: new TextDecoder().decode(report.payload),
    stranger: verdicts(await verifyBundle(bundle)),
    forged: verdicts(await verifyBundle(forged, { policy })).exitCode,
    changed: verdicts(await verifyBundle(changed, { policy })).exitCode,
    log: verdicts(await verifyLog(await source(log), { policy })),
    damaged: verdicts(await verifyLog(await source(cut), { policy })).exitCode,
    signers: (await openCheckpoint(JSON.parse(new TextDecoder().decode(bundle)).checkpoint, policy).catch((e) => e.code)),
  };
}
main().catch((error) => ({ error: String(error && error.stack) }))
  .then((said) => fetch('/said', { method: 'POST', body: JSON.stringify(said) }));
`;

it.skipIf(findChromium() === undefined)(
  'a bundle and a log verify in Chromium, with the files and the public key alone',
  async () => {
    const { skey, vkey } = await generateKey('example.com/deployment');
    const store = memoryStore();
    const audit = { origin: ORIGIN, signer: await signerFromText(skey), log: storedLog(store) };
    const th = createTracehound({ rateLimit: false, audit });
    const threat = { category: 'sqli', severity: 'high', rule: '942100' } as const;
    for (let i = 0; i < 600; i++) th.intercept({ source: `s${i}`, payload: `' OR ${i}=${i}`, threat });
    const [handle] = th.quarantine.list();
    const bundle = await th.quarantine.export(handle!.signature, { actor: 'kim', purpose: 'court' });
    await th.close();
    const log: Uint8Array[] = [];
    for await (const part of packLog(storeSource((path) => store.get(`${ORIGIN}/${path}`), { origin: ORIGIN })))
      log.push(part.slice());
    const { outputFiles } = await build({
      stdin: { contents: PAGE, resolveDir: inject('consumer'), loader: 'js' },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      write: false,
      logLevel: 'error',
    });
    const said = JSON.parse(
      await inChromium({
        '/main.js': outputFiles[0]!.contents,
        '/bundle': bundle,
        '/policy': `log ${vkey}\nquorum none\n`,
        '/log': Buffer.concat(log),
      }),
    );
    expect(said).toMatchObject({
      agent: expect.stringContaining('Chrome'),
      node: 'undefinedundefined',
      bundle: { integrity: 'good', authenticity: 'good', completeness: 'good', exitCode: 0 },
      payload: "' OR 0=0",
      stranger: { integrity: 'good', authenticity: 'unknown', exitCode: 3 },
      forged: 1,
      changed: 1,
      log: { integrity: 'good', authenticity: 'good', completeness: 'good', exitCode: 0 },
      damaged: 1,
    });
    console.log(`${said.agent}: bundle and log of ${Buffer.concat(log).length} bytes verified`);
  },
);
