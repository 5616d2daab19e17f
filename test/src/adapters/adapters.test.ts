/**
 * Guards the whole way, with a real core behind a real server: what a client on a socket gets, and what is kept. Held
 * against every adapter of the web's kind.
 */
import { once } from 'node:events';
import { request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve } from '@hono/node-server';
import { afterEach, describe, expect, test } from 'vitest';
import { createTracehound } from '../../../runtimes/node/index';
import { crowdsecSignals } from '../../../src/signals/crowdsec';
import { modsecuritySignals } from '../../../src/signals/modsecurity';
import type { ThreatSignal, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { type Fetch, FRAMES, type FrameOptions } from '../../lab/frames';
import { parseList } from '../../lab/structured-fields';

const threat: ThreatSignal = { category: 'sqli', severity: 'high', detector: 'test' };
const detect: NonNullable<FrameOptions['detect']> = (request) => (request.url.includes('attack') ? threat : undefined);

interface House {
  th: Tracehound;
  url: string;
  port: number;
  server: Server;
  /** Paths that reached the application. */
  reached: string[];
}

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function listen(fetch: Fetch): Promise<{ server: Server; port: number }> {
  const server = serve({ fetch, hostname: '127.0.0.1', port: 0 }) as Server;
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

const evidenceOf = (th: Tracehound, index = -1): string => {
  const handle = th.quarantine.list({ limit: 1_000 }).at(index);
  return Buffer.from(th.quarantine.read(handle?.signature as string)).toString('latin1');
};

/** What a socket says until the other side closes it. */
function socket(port: number): { client: Socket; all: Promise<string> } {
  const client = connect(port, '127.0.0.1');
  let got = '';
  client.on('data', (bytes) => {
    got += bytes.toString('latin1');
  });
  client.on('error', () => {}); // a reset after the answer is a way of closing
  const all = new Promise<string>((resolve) => {
    client.on('close', () => resolve(got));
  });
  return { client, all };
}

async function raw(port: number, bytes: string): Promise<string> {
  const { client, all } = socket(port);
  client.write(bytes, 'latin1');
  return all;
}

const responses = (text: string): number => text.split('HTTP/1.1 ').length - 1;
const withoutDate = (text: string): string => text.replace(/date: [^\r\n]+/i, 'date: *');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe.each(FRAMES)('$name', (frame) => {
  async function house(options: FrameOptions = {}, instance: TracehoundOptions = {}): Promise<House> {
    const th = createTracehound(instance);
    const reached: string[] = [];
    const { server, port } = await listen(frame.guarded(th, { detect, ...options }, reached));
    open.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await th.close();
    });
    return { th, url: `http://127.0.0.1:${port}`, port, server, reached };
  }

  describe('the limit', () => {
    test('exactly the limit passes, then 429 with fields that parse, and the detector is not asked', async () => {
      let asked = 0;
      const { url, th } = await house(
        {
          detect: () => {
            asked++;
            return undefined;
          },
        },
        { rateLimit: { limit: 20, windowMs: 3_600_000 } },
      );
      const statuses: number[] = [];
      for (let index = 1; index <= 25; index++) {
        const answer = await fetch(`${url}/echo/a`);
        statuses.push(answer.status);
        const [[name, policy] = []] = parseList(answer.headers.get('ratelimit-policy') as string);
        const [[, left] = []] = parseList(answer.headers.get('ratelimit') as string);
        expect([name, policy?.q, policy?.w, left?.r]).toEqual(['default', 20, 3_600, Math.max(0, 20 - index)]);
        expect(policy?.pk).toHaveLength(8);
        expect(left?.pk).toEqual(policy?.pk);
        expect(left?.t).toBeGreaterThan(0);
        if (answer.status !== 429) continue;
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(left?.t as number);
        expect(await answer.json()).toMatchObject({ status: 429, 'violated-policies': ['default'] });
      }
      expect(statuses).toEqual([...Array(20).fill(200), ...Array(5).fill(429)]);
      expect(asked).toBe(20);
      expect(th.quarantine.stats.count).toBe(0);
    });

    test('a failing application and an unknown page carry the fields too', async () => {
      const { url } = await house();
      for (const [path, status] of [
        ['/fails/a', 500],
        ['/nowhere', 404],
      ] as const) {
        const answer = await fetch(url + path);
        expect(answer.status).toBe(status);
        expect(parseList(answer.headers.get('ratelimit') as string)).toHaveLength(1);
      }
    });
  });

  describe('a flagged request', () => {
    test('is refused, quarantined as it came, and found by the trace of its refusal', async () => {
      const { th, port, reached } = await house();
      const answer = await raw(
        port,
        "POST /echo/../attack?x=%27 HTTP/1.1\r\nHost: shop.example\r\nX-Odd:  Caf\xe9\r\nAuthorization: Bearer s3cr3t\r\nContent-Length: 9\r\nConnection: close\r\n\r\nuser=eve'",
      );
      expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(reached).toEqual([]);
      const { trace } = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as { trace: string };
      const handle = th.quarantine.find(trace);
      expect(handle).toMatchObject({
        category: 'sqli',
        severity: 'high',
        detector: 'test',
        disposition: 'refused',
        truncated: false,
      });
      const evidence = evidenceOf(th);
      expect(evidence).toMatch(
        /^POST \/echo\/\.\.\/attack\?x=%27 HTTP\/1\.1\r\nHost: shop\.example\r\nX-Odd: Caf\xe9\r\nAuthorization: hmac:[0-9a-f]{16}\r\n/,
      );
      expect(evidence).toMatch(/\r\nTracehound-Peer: 127\.0\.0\.1:\d+\r\n/);
      expect(evidence).toMatch(/\r\nTracehound-Target: raw\r\n/);
      expect(evidence.endsWith("\r\n\r\nuser=eve'")).toBe(true);
      expect(evidence + answer).not.toContain('s3cr3t');
    });

    test('gets the same 403 whether it was quarantined, a duplicate, dropped or could not be kept', async () => {
      const { th, port } = await house(
        {
          detect: ({ url }) => ({ category: 'a', severity: url.endsWith('?s=low') ? 'low' : 'critical' }),
          headers: false,
        },
        { quarantine: { maxCount: 1 } },
      );
      const ask = (target: string) => raw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const answers = [await ask('/a'), await ask('/a'), await ask('/b?s=low')];
      expect(th.watcher.snapshot().totals.byStatus).toMatchObject({ quarantined: 1, duplicate: 1, dropped: 1 });
      await th.close();
      answers.push(await ask('/c'));
      const traces = answers.map((answer) => /"trace":"([^"]+)"/.exec(answer)?.[1] as string);
      expect(new Set(traces).size).toBe(4);
      expect(new Set(traces.map((trace) => trace.length)).size).toBe(1);
      const texts = answers.map((answer, index) => withoutDate(answer).replace(traces[index] as string, '*'));
      expect(new Set(texts).size).toBe(1);
    });

    test('asked with HEAD is answered without a body', async () => {
      const { port } = await house();
      const answer = await raw(port, 'HEAD /attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 403 /);
      expect(answer).toMatch(/content-type: application\/problem\+json/i);
      expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe('');
    });

    test('reflects nothing of the request', async () => {
      const { port } = await house();
      const marker = 'zq9x';
      const answer = await raw(
        port,
        `GET /attack/${marker}?${marker} HTTP/1.1\r\nHost: ${marker}.example\r\nX-A: ${marker}\r\nOrigin: https://${marker}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 403 /);
      expect(answer).not.toContain(marker);
    });

    test('whose detector has read a copy of the body keeps it, and clean ones still reach the handler', async () => {
      const { th, url } = await house({
        detect: async (request) => ((await request.clone().text()).includes('attack') ? threat : undefined),
      });
      const post = (body: string) => fetch(`${url}/echo/a`, { method: 'POST', body });
      expect(await (await post('harmless')).text()).toBe('POST harmless');
      expect((await post('an attack')).status).toBe(403);
      expect(evidenceOf(th).endsWith('\r\n\r\nan attack')).toBe(true);
    });
  });

  describe('a detector that fails', () => {
    test('on a request made to break it: recorded, and passed or refused as configured', async () => {
      const bad = 'GET /echo/% HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
      const decoding: FrameOptions['detect'] = (request) => {
        decodeURIComponent(new URL(request.url).pathname);
        return undefined;
      };
      const passing = await house({ detect: decoding });
      expect(await raw(passing.port, bad)).toMatch(/^HTTP\/1\.1 200 /);
      expect(passing.th.watcher.snapshot().totals.uninspected).toBe(1);
      const refusing = await house({ detect: decoding, onDetectorFailure: 'refuse' });
      expect(await raw(refusing.port, bad)).toMatch(/^HTTP\/1\.1 503 /);
      expect(refusing.reached).toEqual([]);
      const closed = await house({ detect: decoding }, { failMode: 'closed' });
      expect(await raw(closed.port, bad)).toMatch(/^HTTP\/1\.1 503 /);
    });

    test('by hanging is given up after its deadline', async () => {
      const { th, url } = await house({ detect: () => new Promise(() => {}), detectTimeoutMs: 20 });
      expect((await fetch(`${url}/echo/a`)).status).toBe(200);
      expect(th.watcher.snapshot().totals.uninspected).toBe(1);
    });
  });

  describe('a body that a refusal leaves unread', () => {
    const size = 5 * 1024 * 1024;
    const smuggled = 'GET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    const upload = (path: string, headers = `Content-Length: ${size}`) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`;

    test('cannot smuggle a request: one answer, then the connection ends', async () => {
      const limited = await house({}, { rateLimit: { limit: 1, windowMs: 3_600_000 } });
      await fetch(`${limited.url}/echo/first`);
      const failing = await house({
        onDetectorFailure: 'refuse',
        detect: () => {
          throw new Error('boom');
        },
      });
      const flagged = await house();
      const cases: [House, string, number][] = [
        [flagged, upload('/attack'), 403],
        [flagged, `${upload('/attack', 'Transfer-Encoding: chunked')}${size.toString(16)}\r\n`, 403],
        [flagged, `GET /attack HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`, 403],
        [failing, upload('/echo/a'), 503],
        [limited, upload('/echo/a'), 429],
      ];
      for (const [{ port, reached }, head, status] of cases) {
        const before = reached.length;
        // Part of the body, in which a whole request hides; what comes after it is still body.
        const { client, all } = socket(port);
        client.write(head + 'x'.repeat(100_000) + smuggled + 'x'.repeat(100_000) + smuggled);
        const answer = await all;
        expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect(answer).toMatch(/\r\nconnection: close\r\n/i);
        expect(responses(answer)).toBe(1);
        expect(reached.slice(before)).toEqual([]);
      }
    }, 20_000);

    test('a body that was read to its end keeps the connection, and the next request on it is served', async () => {
      const { port, reached } = await house();
      const { client, all } = socket(port);
      client.write(`POST /attack HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`);
      client.write('GET /echo/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const answer = await all;
      expect(responses(answer)).toBe(2);
      expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*HTTP\/1\.1 200 OK/);
      expect(reached).toEqual(['/echo/next']);
    });

    test('of 5 MB is captured up to the budget, and a client that goes on sending gets the answer', async () => {
      const { th, url } = await house();
      const answer = await fetch(`${url}/attack`, { method: 'POST', body: new Uint8Array(size).fill(0x78) });
      expect(answer.status).toBe(403);
      const [handle] = th.quarantine.list();
      expect(handle?.truncated).toBe(true);
      expect(handle?.size).toBeLessThanOrEqual(65_536);
      expect(handle?.size).toBeGreaterThan(60_000);
      expect(evidenceOf(th)).toContain(`\r\nTracehound-Truncated: body\r\nTracehound-Body-Length: ${size}\r\n`);
    });

    test('that never ends or never comes is given up after captureTimeoutMs', async () => {
      const { th, port } = await house({ captureTimeoutMs: 50 });
      const heads = [upload('/attack/1'), upload('/attack/2', 'Transfer-Encoding: chunked') + '4\r\nbody\r\n'];
      for (const head of heads) {
        const { client, all } = socket(port);
        client.write(head);
        expect(await all).toMatch(/^HTTP\/1\.1 403 /);
      }
      expect(evidenceOf(th, 0)).toContain('Tracehound-Body-State: timeout');
      expect(evidenceOf(th, 1)).toMatch(
        /Tracehound-Body-Captured: 4\r\nTracehound-Body-State: timeout[\s\S]*\r\n\r\nbody$/,
      );
    });

    test('that is aborted is kept as far as it came', async () => {
      let recorded: () => void = () => {};
      const done = new Promise<void>((resolve) => {
        recorded = resolve;
      });
      const { th, port } = await house({ onResult: () => recorded() });
      const client = connect(port, '127.0.0.1');
      client.on('error', () => {});
      client.resume();
      client.end(`${upload('/attack')}half`);
      await done;
      expect(evidenceOf(th)).toMatch(/Tracehound-Body-State: aborted[\s\S]*\r\n\r\nhalf$/);
    });

    test('by a handler that does not read is the server’s matter, as without us', async () => {
      const { url } = await house();
      const answer = await fetch(`${url}/ignore/a`, { method: 'POST', body: new Uint8Array(100_000) });
      expect(await answer.text()).toBe('did not read');
    });
  });

  describe('a request that passes', () => {
    test('streams 200 MB through with flat memory', async () => {
      const { port } = await house();
      const chunk = Buffer.alloc(65_536, 0x78);
      /**
       * What this thread cannot do without, buffers included: collected first, because when garbage is collected is the
       * machine's mood. Other test files run in the same process, so not its RSS.
       */
      const held = (): number => {
        collectGarbage();
        const { heapUsed, external, arrayBuffers } = process.memoryUsage();
        return heapUsed + external + arrayBuffers;
      };
      /** Uploads so many chunks at the server's pace; the most memory that was held on the way. */
      const upload = async (count: number): Promise<number> => {
        const length = chunk.length * count;
        const options = {
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/count/a',
          headers: { 'content-length': length },
        };
        const client = httpRequest(options);
        const answered = once(client, 'response');
        let peak = 0;
        for (let index = 0; index < count; index++) {
          if (!client.write(chunk)) await once(client, 'drain');
          if (index % 100 === 50) peak = Math.max(peak, held());
        }
        client.end();
        const [response] = await answered;
        let text = '';
        for await (const part of response) text += part;
        expect(text).toBe(String(length));
        return peak;
      };
      const warm = await upload(800);
      expect((await upload(3_200)) - warm).toBeLessThan(48 * 1024 * 1024);
    });
  });

  describe('detectors in front of us', () => {
    const ask = (path: string, ...fields: string[]): string =>
      [`GET ${path} HTTP/1.1`, 'Host: a', 'X-Own: kept', ...fields, 'Connection: close', '', ''].join('\r\n');
    const peers = ['127.0.0.0/8'];
    const FORGED: [string, string[]][] = [
      ['sent twice', ['X-Waf-Score: 0', 'X-Waf-Score: 0']],
      ['sent twice in two cases', ['x-waf-score: 43', 'X-WAF-SCORE: 0']],
      ['joined by a comma', ['X-Waf-Score: 0, 43']],
      ['folded over two lines', ['X-Waf-Score: 0,', ' 43']],
      ['with an underscore', ['X_Waf_Score: 0']],
      ['beside a twin with an underscore', ['X-Waf-Score: 0', 'X-Waf_Score: 43']],
    ];

    test('from the trusted hop: its score is the threat, and a low one reaches the application', async () => {
      const { th, port, reached } = await house({ signals: [modsecuritySignals({ trust: { peers } })] });
      expect(await raw(port, ask('/echo/a', 'X-Waf-Score: 43'))).toMatch(/^HTTP\/1\.1 403 /);
      expect(reached).toEqual([]);
      expect(th.quarantine.list()).toMatchObject([
        { category: 'waf-attack', severity: 'critical', detector: 'modsecurity' },
      ]);
      const passed = await raw(port, ask('/headers/a', 'X-Waf-Score: 3'));
      expect(passed).toMatch(/^HTTP\/1\.1 200 /);
      expect(passed).toContain('["x-waf-score","3"]');
    });

    test.each(FORGED)(
      'a score %s is refused and recorded as forged, and as what the graver copy says',
      async (_, fields) => {
        const { th, port, reached } = await house({ signals: [modsecuritySignals({ trust: { peers } })] });
        const answer = await raw(port, ask('/echo/a', ...fields));
        // Node's own parser refuses folded fields: then nobody has seen the request at all.
        if (answer.startsWith('HTTP/1.1 400 ')) expect(fields[1]).toMatch(/^ /);
        else {
          expect(answer).toMatch(/^HTTP\/1\.1 403 /);
          const attack = { category: 'waf-attack', severity: 'critical', detector: 'modsecurity' };
          const forged = { category: 'forged-signal', severity: 'medium', detector: 'tracehound' };
          expect(th.quarantine.list()).toMatchObject([fields.join().includes('43') ? attack : forged]);
          // Evidence keeps what was sent.
          for (const field of fields) expect(evidenceOf(th)).toContain(field);
        }
        expect(reached).toEqual([]);
      },
    );

    test.each([...FORGED, ['as a hop would send it', ['X-Waf-Score: 43']] as [string, string[]]])(
      'a stranger’s score %s never reaches the application, whoever is allowed or skipped',
      async (_, fields) => {
        for (const open of [{ allow: () => true }, { skip: () => true }]) {
          const trust = { peers: ['192.0.2.0/24'] };
          const { port } = await house({ signals: [modsecuritySignals({ trust })], ...open });
          const answer = await raw(port, ask('/headers/a', ...fields));
          if (answer.startsWith('HTTP/1.1 400 ')) continue;
          expect(answer).toMatch(/^HTTP\/1\.1 200 /);
          expect(answer).toContain('["x-own","kept"]');
          expect(answer).not.toMatch(/x.waf.score/i);
        }
      },
    );

    test('from the trusted hop that say nothing, or nothing that can be read: UNINSPECTED, and refused if so configured', async () => {
      const signals = [modsecuritySignals({ trust: { peers } })];
      const [open, closed] = [await house({ signals }), await house({ signals, onDetectorFailure: 'refuse' })];
      const said = [
        [],
        ['X-Waf-Score: (null)'],
        ['X-Waf-Score:'],
        ['X-Waf-Score: %{waf_score}e'],
        ['X-Waf-Score: high'],
      ];
      for (const fields of said) {
        expect(await raw(open.port, ask('/echo/a', ...fields)), fields.join()).toMatch(/^HTTP\/1\.1 200 /);
        expect(await raw(closed.port, ask('/echo/a', ...fields)), fields.join()).toMatch(/^HTTP\/1\.1 503 /);
      }
      for (const { th } of [open, closed]) expect(th.watcher.snapshot().totals.uninspected).toBe(said.length);
      expect(await raw(closed.port, ask('/echo/a', 'X-Waf-Score: 0'))).toMatch(/^HTTP\/1\.1 200 /);
      expect(closed.th.watcher.snapshot().totals.uninspected).toBe(said.length);
      const quiet = await house({
        signals: [modsecuritySignals({ trust: { peers }, silence: 'clean' })],
        onDetectorFailure: 'refuse',
      });
      expect(await raw(quiet.port, ask('/echo/a'))).toMatch(/^HTTP\/1\.1 200 /);
      expect(quiet.th.watcher.snapshot().totals.uninspected).toBe(0);
    });

    test('what is stripped costs the body nothing', async () => {
      const { port } = await house({ signals: [modsecuritySignals({ trust: () => false })], allow: () => true });
      const head =
        'POST /echo/a HTTP/1.1\r\nHost: a\r\nX-Waf-Score: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n';
      expect(await raw(port, `${head}whole`)).toMatch(/^HTTP\/1\.1 200 [\s\S]*POST whole/);
    });

    test('prove themselves by a secret, which is not kept in evidence', async () => {
      const secret = { header: 'X-Hop', value: 'sixteen letters.' };
      const { th, port } = await house({ signals: [modsecuritySignals({ trust: { secret } })] });
      expect(await raw(port, ask('/echo/a', 'X-Waf-Score: 3', 'X-Hop: sixteen letters.'))).toMatch(/^HTTP\/1\.1 200 /);
      expect(await raw(port, ask('/echo/a', 'X-Waf-Score: 3', 'X-Hop: sixteen letters!'))).toMatch(/^HTTP\/1\.1 403 /);
      expect(await raw(port, ask('/echo/b', 'X-Waf-Score: 9', 'X-Hop: sixteen letters.'))).toMatch(/^HTTP\/1\.1 403 /);
      expect(th.quarantine.list().map(({ category }) => category)).toEqual(['forged-signal', 'waf-attack']);
      for (const index of [0, 1]) expect(evidenceOf(th, index)).not.toContain('sixteen letters');
    });

    test('speak about the source that the limiter sees', async () => {
      const crowdsec = crowdsecSignals();
      const { th, url } = await house({ signals: [crowdsec] });
      expect((await fetch(`${url}/echo/a`)).status).toBe(200);
      const ban = { duration: '1h', scope: 'Ip', type: 'ban', value: '127.0.0.1', scenario: 'crowdsecurity/ssh-bf' };
      crowdsec.apply({ new: [ban] }, Date.now());
      expect((await fetch(`${url}/echo/a`)).status).toBe(403);
      expect(th.quarantine.list()).toMatchObject([{ category: 'crowdsec', detector: 'crowdsec' }]);
    });
  });

  describe.each([false, true])('a conversation, shadow: %s', (shadow) => {
    test('streams both ways at once, chunk by chunk', async () => {
      const { port } = await house({ shadow });
      const client = connect(port, '127.0.0.1');
      let got = '';
      const until = async (text: string): Promise<void> => {
        while (!got.includes(text)) got += ((await once(client, 'data'))[0] as Buffer).toString('latin1');
      };
      const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
      client.write('POST /mirror/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n');
      for (const word of ['first', 'second', 'third']) {
        client.write(chunk(word));
        await until(word); // the next is sent only when this one is back
      }
      client.write('0\r\n\r\n');
      await until('\r\n0\r\n\r\n');
      client.destroy();
      expect(got.split('HTTP/1.1 200 OK')).toHaveLength(2);
    });
  });

  describe('shadow', () => {
    test('answers byte for byte as if unguarded, and records everything as observed', async () => {
      const guarded = await house({ shadow: true }, { rateLimit: { limit: 8, windowMs: 3_600_000 } });
      const { server, port } = await listen(frame.bare([]));
      open.push(async () => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      });
      const large = 'y'.repeat(200_000);
      const asks = [
        'GET /echo/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        'GET /echo/attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        'HEAD /echo/attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        `POST /echo/attack HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\nConnection: close\r\n\r\n${large}`,
        'POST /echo/attack HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
        `POST /count/attack HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\nConnection: close\r\n\r\n${large}`,
        'GET /fails/attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        'GET /nowhere/attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        'GET /echo/over-the-limit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      ];
      for (const ask of asks) {
        const [with_, without] = [await raw(guarded.port, ask), await raw(port, ask)];
        expect(withoutDate(with_)).toBe(withoutDate(without));
      }
      const { th } = guarded;
      expect(th.quarantine.stats.count).toBe(7);
      expect(new Set(th.quarantine.list().map((handle) => handle.disposition))).toEqual(new Set(['observed']));
      expect(th.quarantine.list().some((handle) => handle.truncated)).toBe(true);
    });
  });

  describe('the log', () => {
    test('holds together over everything that was refused', async () => {
      const { th, url } = await house({}, { rateLimit: { limit: 5, windowMs: 3_600_000 } });
      for (let index = 0; index < 8; index++) await fetch(`${url}/attack/${index % 3}`);
      await th.audit.flush();
      expect(th.audit.verify()).toMatchObject({ ok: true, gaps: 0 });
      expect(th.audit.head().size).toBeGreaterThan(0);
      expect(th.watcher.snapshot().totals.byStatus).toMatchObject({ quarantined: 3, duplicate: 2 });
    });
  });
});
