/**
 * The crowd's own ledger of what it sent, and its comparison with what a log accounts for. The equations stand in
 * `../hostile.ts`.
 *
 * Relies on: nothing but the plan and what was answered. Refuses: to ask the server what it thinks.
 */
import type { Fate } from './crowd.ts';
import { type Act, isForDoor } from './plan.ts';
import type { ReadLog } from './reader.ts';
import type { Looked } from './server.ts';

export type Sums = Readonly<Record<string, number>>;

export interface Ledger {
  readonly sent: number;
  readonly blocked: number;
  /** Resets on fresh connections, whose sender may be nobody by the time the server accepts it. */
  readonly strangers: number;
  /** Clean ones of them, sent to a server of their own. */
  readonly door: number;
  readonly overLimit: number;
  readonly flagged: number;
  readonly uninspected: number;
  readonly skipped: number;
  readonly allowed: number;
  /** Answers that were not the right ones, and waits for none: `way kind of sender: got x, expected y`, with their number. */
  readonly wrong: Sums;
  /** Of what was sent, in hundredths. */
  readonly shares: Sums;
  readonly answered: Sums;
}

/** What must be answered to a request, by who sends it and what it is; none of a request that nobody waits for. */
function expected({ sender, kind, way }: Act): readonly number[] {
  if (way === 'reset' || way === 'stranger') return [];
  if (sender === 'blocked') return [429];
  const right = way === 'upgrade' ? 101 : 200;
  const byKind = { clean: right, exempt: right, trusted: right, broken: right, attack: 403, repeat: 403, unread: 503 };
  return sender === 'greedy' ? [429, byKind[kind]] : [byKind[kind]];
}

export function ledgerOf(acts: readonly Act[], fates: readonly Fate[]): Ledger {
  const count = {
    sent: 0,
    blocked: 0,
    strangers: 0,
    door: 0,
    overLimit: 0,
    flagged: 0,
    uninspected: 0,
    skipped: 0,
    allowed: 0,
  };
  const wrong: Record<string, number> = {};
  const ways: Record<string, number> = {};
  const answered: Record<string, number> = {};
  const add = (sums: Record<string, number>, name: string): void => {
    sums[name] = (sums[name] ?? 0) + 1;
  };
  for (const act of acts) {
    const { sent, status, before } = fates[act.index] ?? { sent: false };
    const { sender, kind, way } = act;
    if (before !== undefined) {
      count.sent++;
      if (sender === 'blocked') count.blocked++;
      const answer = sender === 'blocked' ? 429 : 200;
      if (before !== answer) add(wrong, `before a reset of ${sender}: got ${before}, expected ${answer}`);
    }
    const right = expected(act);
    if (!sent) {
      add(wrong, `${way} of ${sender}: not sent`);
      continue;
    }
    if (right.length > 0 && (status === undefined || !right.includes(status)))
      add(wrong, `${way} ${kind} of ${sender}: got ${status ?? 'nothing'}, expected ${right.join(' or ')}`);
    add(answered, String(status ?? 'none'));
    add(ways, way);
    if (isForDoor(act)) {
      count.door++;
      add(ways, 'blocked source');
      continue;
    }
    count.sent++;
    if (sender === 'blocked') {
      count[way === 'stranger' ? 'strangers' : 'blocked']++;
      add(ways, 'blocked source');
    } else if (status === 429) count.overLimit++;
    else if (kind === 'attack' || kind === 'repeat') count.flagged++;
    else if (kind === 'broken' || kind === 'unread') count.uninspected++;
    else if (kind === 'exempt') count.skipped++;
    else if (kind === 'trusted') count.allowed++;
  }
  const shares = Object.fromEntries(
    Object.entries(ways).map(([way, number]) => [way, Math.round((number / (count.sent + count.door)) * 1_000) / 10]),
  );
  return { ...count, wrong, shares, answered };
}

/** At least so many hundredths of what was sent. */
const SHARES_MIN: Sums = { reset: 5, stranger: 2, dribble: 5, 'blocked source': 20, http2: 1, upload: 1, upgrade: 1 };
/** Kinds whose counts are requests that were flagged and not refused by a limit. */
const FLAGGED = ['QUARANTINED', 'DUPLICATE', 'DROPPED', 'EVICTED', 'PURGED', 'NEUTRALIZED', 'REPLACED', 'ERASED'];

/** Every equation that does not hold, in words. */
export function faultsOf(ledger: Ledger, { sums, totals }: ReadLog, door: ReadLog, { reached }: Looked): string[] {
  const faults: string[] = [];
  const equal = (what: string, log: number | undefined, sent: number): void => {
    if ((log ?? 0) !== sent) faults.push(`${what}: the log accounts for ${log ?? 0}, the crowd for ${sent}`);
  };
  const between = (what: string, log: number | undefined, sent: number, more: number): void => {
    if ((log ?? 0) < sent || (log ?? 0) > sent + more)
      faults.push(`${what}: the log accounts for ${log ?? 0}, the crowd for ${sent} and at most ${more} more`);
  };
  const limited = ledger.blocked + ledger.overLimit;
  const flagged = FLAGGED.reduce((sum, kind) => sum + (sums[kind] ?? 0), 0);
  // A stranger is refused as a blocked source, as one of the many unknown, or flagged: once, whichever it is.
  equal('limited or flagged (records)', flagged + (sums.LIMITED ?? 0), limited + ledger.flagged + ledger.strangers);
  between('limited (records)', sums.LIMITED, limited, ledger.strangers);
  between('limited (HEARTBEAT)', totals.limited, limited, ledger.strangers);
  equal('flagged (HEARTBEAT)', totals.flagged, flagged);
  equal('limited (HEARTBEAT and records)', totals.limited, sums.LIMITED ?? 0);
  equal('uninspected (records)', sums.UNINSPECTED, ledger.uninspected);
  equal('uninspected (HEARTBEAT)', totals.uninspected, ledger.uninspected);
  equal('skipped', totals.skipped, ledger.skipped);
  equal('allowed', totals.allowed, ledger.allowed);
  equal('failed open', totals.failedOpen, 0);
  equal('seen', totals.seen, ledger.sent);
  equal('seen at the door', door.totals.seen, ledger.door);
  between('limited at the door', door.sums.LIMITED, 0, ledger.door);
  for (const [what, count] of Object.entries(ledger.wrong)) faults.push(`${what}: ${count} times`);
  for (const [what, count] of Object.entries(reached)) {
    const [kind, sender] = what.split('/');
    if (sender === 'blocked' || kind === 'attack' || kind === 'repeat' || kind === 'unread')
      faults.push(`${what} reached the application ${count} times`);
  }
  for (const [what, share] of Object.entries(SHARES_MIN))
    if ((ledger.shares[what] ?? 0) < share)
      faults.push(`only ${ledger.shares[what] ?? 0} % ${what}, expected ${share}`);
  return faults;
}
