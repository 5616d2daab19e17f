/**
 * `node fastly-serve.ts app.wasm`: one GET to a program of Fastly Compute; prints the body of its answer. A process of its
 * own, because serving a request blocks until it is served.
 */
import { readFileSync } from 'node:fs';
import { FastlyHost } from './fastly-host.ts';

const host = new FastlyHost(readFileSync(process.argv[2]!));
const client = Uint8Array.of(192, 0, 2, 1);
const { status, body } = host.serve({ method: 'GET', url: 'https://shop.example/', client });
if (status !== 200) throw new Error(`fastly: answered ${status}, expected 200, got ${new TextDecoder().decode(body)}`);
console.log(new TextDecoder().decode(body));
