/**
 * Evidence bundles for tests, by docs/format.md: one item in a log of `logs.ts`, with node:crypto and the model.
 *
 * Relies on: test/lab/logs, test/model/log. Refuses: to check what it writes; liars need it too.
 */
import { sha256, treeHead } from '../model/log';
import { KIND, type LabKey, LabLog } from './logs';

// biome-ignore lint/suspicious/noExplicitAny: tests write wrong things on purpose
export type Loose = any;

/** JSON with sorted keys (RFC 8785 for what bundles hold). */
export function canonical(value: Loose): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${pairs.join()}}`;
}

/** PATH(m, D[n]) of RFC 9162 §2.1.3.1. */
export function pathOf(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return index < half
    ? [...pathOf(index, leaves.slice(0, half)), treeHead(leaves.slice(half))]
    : [...pathOf(index - half, leaves.slice(half)), treeHead(leaves.slice(0, half))];
}

export function proofText(index: number, log: LabLog, note: string): string {
  const hashes = pathOf(index, log.leaves).map((hash) => hash.toString('base64'));
  return ['c2sp.org/tlog-proof@v1', `index ${index}`, ...hashes, '', note].join('\n');
}

export interface Case {
  readonly log: LabLog;
  /** Numbers of the records in the bundle. */
  readonly seqs: readonly number[];
  readonly note: string;
  readonly item: Loose;
}

const UUID = '018bcfe5-6801-7cc3-98c4-dc0c0c07398f';
export const PAYLOAD = Buffer.from("GET /?id=1' OR '1'='1");

/** An item that was quarantined, read and exported; its log is signed by `own`, for which `deployment` vouches. */
export function bundleCase(
  own: LabKey,
  deployment: LabKey,
  { sidecar = true, salvaged = false, fingerprint = false, truncated = false } = {},
): Case {
  const log = new LabLog();
  log.key(own, [deployment]);
  log.grow(40);
  const [hash, salt] = [sha256(PAYLOAD), sha256('salt').subarray(0, 16)];
  const fingerprintHash = fingerprint ? sha256('fingerprint').toString('hex') : null;
  const signature = `sqli:${fingerprintHash ?? hash.toString('hex')}`;
  const id = Buffer.from(UUID.replaceAll('-', ''), 'hex');
  const source = sha256('source');
  const payload = sha256(Buffer.of(2), salt, hash);
  const detail = sha256(Buffer.of(3), salt, signature);
  const fields = {
    kind: KIND.quarantined,
    severity: 2,
    id,
    length: PAYLOAD.length + (truncated ? 100 : 0),
    count: 1,
    payload,
    source,
    flags: truncated ? 2 : 0,
  };
  const said = canonical({ detector: 'crs', rule: '942100', salt: '11'.repeat(16), signature });
  const seqs = [0, 1];
  if (!salvaged) seqs.push(sidecar ? log.append(fields, said) : log.append({ ...fields, detail }));
  log.grow(60);
  const flags = salvaged ? 64 : 0;
  seqs.push(log.append({ kind: KIND.accessed, id, flags }, canonical({ actor: 'kim', salt: '22'.repeat(16) })));
  const itemId = `${UUID}-0123456789abcdef`;
  const exported = canonical({ item: sha256(Buffer.of(4), salt, itemId).toString('hex'), salt: '33'.repeat(16) });
  seqs.push(log.append({ kind: KIND.exported, id, flags, count: 1 }, exported));
  log.grow(70);
  const item = {
    id: itemId,
    category: 'sqli',
    signature,
    severity: 'high',
    detector: 'crs',
    sourceTag: source.toString('hex'),
    size: PAYLOAD.length,
    truncated,
    payload: PAYLOAD.toString('base64'),
    hash: hash.toString('hex'),
    salt: salt.toString('hex'),
    fingerprintHash,
  };
  return { log, seqs, note: log.checkpoint([own]), item };
}

/** The parts of a bundle, still loose. */
export function partsOf({ log, seqs, note, item }: Case): Loose {
  return {
    tracehound: 'bundle/v1',
    item: { ...item },
    records: seqs.map((seq) => ({
      record: log.records[seq]!.toString('base64'),
      detail: log.details[seq]?.toString('base64') ?? null,
      proof: proofText(seq, log, note),
    })),
    checkpoint: note,
  };
}
