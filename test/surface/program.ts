/** A user's program that names every public type. It is compiled (`types.test.ts`), never run. */
import { Hono } from 'hono';
import {
  type Actor,
  type Audit,
  type AuditExport,
  type AuditHead,
  type AuditLog,
  type AuditOptions,
  type CoreExports,
  type CoreInstance,
  createTracehound,
  type Disposition,
  type DropReason,
  type ErrorCode,
  type EvidenceHandle,
  type FailMode,
  type Heard,
  type HopOptions,
  type HopTrust,
  type HttpPort,
  type InterceptResult,
  type Json,
  node,
  type OpenedSnapshot,
  openSnapshot,
  type PurgeReason,
  type Quarantine,
  type QuarantineOptions,
  type QuarantineStats,
  type RateLimiter,
  type RateLimitOptions,
  type RateLimitResult,
  type Readings,
  type Runtime,
  type Scent,
  type Severity,
  type Signals,
  type SignalView,
  type Signer,
  type Source,
  type Store,
  type ThreatSignal,
  type Tracehound,
  TracehoundError,
  type TracehoundOptions,
  VERSION,
  type Watcher,
} from 'tracehound';
import {
  type FetchGuard,
  type FetchHandler,
  tracehound as guardFetch,
  type TracehoundFetchOptions,
} from 'tracehound/fetch';
import { type TracehoundHonoOptions, type TracehoundVariables, tracehound } from 'tracehound/hono';
import { createLean } from 'tracehound/lean';
import { type HeldLogOptions, heldLog, type StoredLogOptions, storedLog } from 'tracehound/log';
import { guardUpgrades, type UpgradeOptions, type UpgradeRequest, type UpgradeServer } from 'tracehound/node';
import { type AwsWafSignalsOptions, awsWafSignals } from 'tracehound/signals/aws-waf';
import { type CloudflareSignalsOptions, cloudflareSignals } from 'tracehound/signals/cloudflare';
import {
  type CrowdsecDecision,
  type CrowdsecSignals,
  type CrowdsecSignalsOptions,
  type CrowdsecStream,
  crowdsecSignals,
} from 'tracehound/signals/crowdsec';
import { type FastlyMeaning, type FastlySignalsOptions, fastlySignals, NGWAF_ATTACKS } from 'tracehound/signals/fastly';
import { type ModsecuritySignalsOptions, modsecuritySignals } from 'tracehound/signals/modsecurity';
import { type GeneratedKey, generateKey, type KeyFacts, type KeyType, keyNoteText, signNote } from 'tracehound/signer';
import { type DurablePort, durableStore } from 'tracehound/stores/durable';
import { type FsFile, type FsPort, fsStore, type LogStore } from 'tracehound/stores/fs';
import { type MemoryStore, memoryStore } from 'tracehound/stores/memory';
import { type R2Body, type R2Port, type R2StoreOptions, r2Store } from 'tracehound/stores/r2';

const rateLimit: RateLimitOptions = { windowMs: 60_000, limit: 100, blockMs: 0, maxSources: 1, ipv6Prefix: 56 };
const quarantine: QuarantineOptions = { maxCount: 1, maxBytes: 1, maxShare: 1 };
const signer: Signer = { name: 'key', vkey: 'key+00000000+AQ==', sign: async (message: Uint8Array) => message };
const heldOptions: HeldLogOptions = { rotateMs: 1_000 };
const auditLog: AuditLog = heldLog(heldOptions);
const audit: AuditOptions = { origin: 'local/{instance}', maxRecords: 16, signer, log: auditLog };
const failMode: FailMode = 'open';
const runtime: Runtime = node;
const core: CoreInstance = runtime.core();
export const exported: CoreExports = core.exports;
const options: TracehoundOptions = {
  rateLimit,
  quarantine,
  maxPayloadBytes: 256,
  audit,
  secret: new Uint8Array(32),
  failMode,
  runtime,
  clock: () => 0,
};
export const th: Tracehound = createTracehound(options);
createTracehound({ rateLimit: false });
createTracehound();

const severity: Severity = 'low';
const threat: ThreatSignal = {
  category: 'sqli',
  severity,
  detector: 'crs',
  rule: '1',
  version: '1',
  score: 1,
  reason: 'x',
  raw: 'x',
};
const sources: Source[] = ['192.0.2.1', { address: '::1' }, { key: 'tenant' }, { address: '::1', key: 'tenant' }];
const json: Json = { a: [1, 'x', null, true, { b: {} }] };
const disposition: Disposition = 'observed';
const rate: RateLimitResult = th.rateLimiter.check(sources[0] as Source, 2);
const scent: Scent = {
  source: '192.0.2.1',
  payload: json,
  id: 'x',
  timestamp: 0,
  threat,
  fingerprint: 'x',
  rate,
  disposition,
  truncated: true,
};

/** Every status is named: a new one would be an error here. */
export function answer(result: InterceptResult): number | undefined {
  switch (result.status) {
    case 'clean':
      return result.rate?.remaining;
    case 'rate_limited':
      return result.retryAfterMs + Number(result.blocked) + result.rate.limit;
    case 'quarantined':
    case 'duplicate': {
      const handle: EvidenceHandle = result.evidence;
      // @ts-expect-error A handle is read-only.
      handle.size = 1;
      return handle.seen;
    }
    case 'dropped': {
      const reason: DropReason = result.reason;
      return reason.length + (result.signature ?? result.id).length;
    }
    case 'payload_too_large':
      return result.size - result.limit;
    case 'error': {
      const code: ErrorCode = result.error.code;
      return result.error instanceof TracehoundError ? code.length : undefined;
    }
    default: {
      const never: never = result;
      return never;
    }
  }
}
answer(th.intercept(scent));
export const later: Promise<InterceptResult> = th.interceptAsync(scent);

const limiter: RateLimiter = th.rateLimiter;
const who: Actor = { actor: 'kim', purpose: 'triage', case: 'C-7' };
limiter.block('192.0.2.1', 1_000, who);
export const lifted: boolean = limiter.unblock('192.0.2.1', who);

const held: Quarantine = th.quarantine;
const reason: PurgeReason = 'erased';
const stats: QuarantineStats = held.stats;
export const sum: number = stats.bySeverity.critical + held.purgeAll(who) + Number(held.purge('x', reason, who));
export const bytes: Uint8Array = held.read('x', who);
export const page: EvidenceHandle[] = held.list({ limit: 5, after: 'x' });
export const replaced: InterceptResult = held.replace('x', scent, who);

const log: Audit = th.audit;
const head: AuditHead = log.head();
const out: AuditExport = log.export({ from: 0, to: head.size });
export const gaps: number = log.verify().gaps + out.records.length + (out.details[0]?.length ?? 0);

const watcher: Watcher = th.watcher;
const snapshot: Readonly<Readings> = watcher.snapshot();
// @ts-expect-error A snapshot is read-only.
snapshot.totals.seen = 1;
export const port: HttpPort = th.http;
export const version: string = VERSION;

const opened: Promise<OpenedSnapshot> = openSnapshot(new Uint8Array(), { secret: new Uint8Array(32) });
opened.then((restore) => createTracehound({ restore }));
export const lean: Tracehound = createLean(node, { audit });
export const store: Store = { putIfAbsent: async () => 'created', get: async () => undefined };

const type: KeyType = 'P-256';
const made: Promise<GeneratedKey> = generateKey('example.org/x', type);
const facts: KeyFacts = { origin: 'x', epoch: 1, vkey: signer.vkey, size: 0, link: new Uint8Array(32) };
export const note: Promise<string> = made.then(({ vkey }) => signNote(keyNoteText({ ...facts, vkey }), [signer]));
const memory: MemoryStore = memoryStore({ maxBytes: 1_024 });
declare const object: DurablePort;
export const inObject: LogStore = durableStore(object);
const r2Body: R2Body = { etag: '', arrayBuffer: async () => new ArrayBuffer(0) };
const r2Port: R2Port = { get: async () => r2Body, put: async () => null };
const r2Options: R2StoreOptions = { prefix: 'logs' };
export const inR2: LogStore = r2Store(r2Port, r2Options);
const storedOptions: StoredLogOptions = { policy: 'halt' };
export const stored: AuditLog = storedLog(memory, storedOptions);
export const keys: string[] = memory.keys();
const file: FsFile = { writeFile: async () => {}, sync: async () => {}, close: async () => {} };
declare const disk: Omit<FsPort, 'open'>;
export const folder: LogStore = fsStore('x', { fs: { ...disk, open: async () => file } });

const detect: TracehoundHonoOptions['detect'] = (c) => (c.req.path === '/x' ? threat : undefined);
const app = new Hono<{ Variables: TracehoundVariables }>();
app.use(tracehound(th, { detect, shadow: true }));

const trusts: HopTrust[] = [
  'platform',
  { peers: ['10.0.0.0/8', '2001:db8::1'] },
  { secret: { header: 'x-hop', value: 'sixteen letters.' } },
  (view: SignalView) => view.peer === '192.0.2.1',
];
const hop: HopOptions = { trust: trusts[0] as HopTrust, forged: 'high' };
const cloudflareOptions: CloudflareSignalsOptions = {
  ...hop,
  botScore: { atMost: 29, severity: 'low', verifiedBots: 'pass', headers: true },
  wafScore: { atMost: 20, header: 'x-waf-score', severity: 'high', classes: { sqli: 'x-waf-sqli' } },
  leakedCredentials: { flag: [1, 4], severity: 'medium' },
  maliciousUploads: { flag: [1], severity: 'high' },
  threatScore: { atLeast: 10 },
};
const meaning: FastlyMeaning = { category: 'tor', severity: 'low' };
const fastlyOptions: FastlySignalsOptions = {
  ...hop,
  tags: { ...NGWAF_ATTACKS, TOR: meaning },
  blocked: { severity: 'high' },
  bots: { verified: 'flag' },
};
const awsOptions: AwsWafSignalsOptions = {
  ...hop,
  headers: { sqli: { category: 'sqli', severity: 'high', value: '1' } },
};
const crsOptions: ModsecuritySignalsOptions = {
  ...hop,
  header: 'x-waf-score',
  atLeast: 5,
  classes: { rce: 'x-waf-rce' },
};
const crowdsecOptions: CrowdsecSignalsOptions = { types: { ban: 'high', captcha: 'low' }, maxDecisions: 1_000 };
const crowdsec: CrowdsecSignals = crowdsecSignals(crowdsecOptions);
const decision: CrowdsecDecision = { duration: '4h', scope: 'Ip', type: 'ban', value: '192.0.2.1', scenario: 'mine' };
const stream: CrowdsecStream = { new: [decision], deleted: null };
crowdsec.apply(stream, 0);
export const bans: number = crowdsec.stats.held + crowdsec.stats.refused + crowdsec.stats.ignored;
const ownSignals: Signals = {
  detector: 'mine',
  secrets: [],
  read: ({ headers }: SignalView): Heard => (headers.has('x-bad') ? { threat, strip: ['x-bad'] } : { strip: [] }),
};
const signals: Signals[] = [
  cloudflareSignals(cloudflareOptions),
  fastlySignals(fastlyOptions),
  awsWafSignals(awsOptions),
  modsecuritySignals(crsOptions),
  crowdsec,
  ownSignals,
];
app.use(tracehound(th, { signals }));
// @ts-expect-error A forgery is never left unflagged.
modsecuritySignals({ forged: false });
// @ts-expect-error There are four findings.
cloudflareSignals({ leakedCredentials: { flag: [5] } });

/** `http.IncomingMessage`, for who has Node's types. */
interface Message extends UpgradeRequest {
  readonly complete: boolean;
}
declare const server: UpgradeServer;
const upgradeOptions: UpgradeOptions<Message> = { detect: (request) => (request.complete ? undefined : threat) };
export const stop: () => void = guardUpgrades(server, th, upgradeOptions);
guardUpgrades(server, th, { detect: ({ url }) => (url === '/x' ? threat : undefined) });

const fetchOptions: TracehoundFetchOptions = { detect: (request) => (request.url.endsWith('/x') ? threat : undefined) };
const fetchGuard: FetchGuard = guardFetch(th, fetchOptions);
const handler: FetchHandler<[env: { greeting: string }]> = (_request, env) => new Response(env.greeting);
export const guarded: Promise<Response> = fetchGuard(handler)(new Request('http://a.example'), { greeting: 'hello' });
// @ts-expect-error The platform's arguments are the handler's.
fetchGuard(handler)(new Request('http://a.example'), { greeting: 7 });

// @ts-expect-error A limit is a number.
createTracehound({ rateLimit: { limit: 'many' } });
// @ts-expect-error There is no such option.
createTracehound({ limits: {} });
// @ts-expect-error A severity is one of four words.
th.intercept({ source: 'x', threat: { category: 'x', severity: 'grave' } });
// @ts-expect-error A scent has a source.
th.intercept({ payload: 'x' });
// @ts-expect-error Evidence is purged for a reason.
held.purge('x');
// @ts-expect-error Undefined is not JSON.
th.intercept({ source: 'x', payload: { a: undefined } });
