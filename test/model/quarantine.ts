/**
 * The quarantine as one would tell it to a colleague: a list of items, sorted and filtered anew at every question.
 *
 * Relies on: nothing of the core. Refuses: to be fast. Where the two disagree, one of them is wrong.
 */

export interface Limits {
  maxCount: number;
  maxBytes: number;
  shareCount: number;
  shareBytes: number;
  /** Decides how many victims an admission may have; 0 when left out. */
  maxPayloadBytes?: number;
}

export interface Item {
  id: string; // 32 hex characters
  suffix: string;
  salt: string;
  hash: string; // hash half of the signature
  payloadHash: string; // '' unless fingerprinted
  tag: string;
  /** First eight bytes of the tag, or what an IPv6 group has instead: 16 hex characters. */
  group: string;
  category: string;
  detector: string;
  payload: string; // hex
  flags: number;
  severity: number;
  disposition: number;
  capturedAt: number;
  lastSeenAt: number;
  seen: number;
  accounted: number;
  distinct: number;
  lastSource: string; // first word of the group of the last other sender
  expiresAt: number;
  archived: boolean;
  onHold: boolean;
  seq: number;
}

export interface Victim {
  id: string;
  reason: 'full' | 'share';
}

const bytesOf = (item: Item): number => item.payload.length / 2;
const sum = (items: Item[]): number => items.reduce((total, item) => total + bytesOf(item), 0);
/** The order of leaving: archived, not archived, never. */
const rank = (item: Item): number => (item.onHold ? 8 : item.archived ? 0 : 4) + item.severity;
const queueOf = (item: Item): number => rank(item) + (bytesOf(item) < SMALL ? 0 : 12);
const isPowerOfTwo = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n));

const NO_SOURCE = '00000000';
/** Most victims of one admission, unless the largest payload needs more of SMALL bytes each. */
const EVICTIONS_MIN = 512;
const SMALL = 128;
export const SEEN_MAX = 0xffffffff;
export const SEEN_STEP = 0x1000000;

export class QuarantineModel {
  /** In the order in which they came. */
  items: Item[] = [];
  /** The same items, in the order in which they last entered a queue. */
  entered: Item[] = [];
  readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  get bytes(): number {
    return sum(this.items);
  }

  of(group: string): Item[] {
    return this.entered.filter((item) => item.group === group);
  }

  get(id: string): Item {
    const item = this.items.find((each) => each.id === id);
    if (item === undefined) throw new Error(`model: no item ${id}`);
    return item;
  }

  find(hash: string, category: string): Item | undefined {
    return this.items.find((item) => item.hash === hash && item.category === category);
  }

  /** archived 0–3, unarchived 4–7, on hold 8–11; 12 more for items of SMALL bytes and more. */
  queue(number: number): Item[] {
    return this.entered.filter((item) => queueOf(item) === number);
  }

  /** Those of a group that lie in the queue of `item`, itself included. */
  listOf(item: Item): Item[] {
    return this.queue(queueOf(item)).filter((other) => other.group === item.group);
  }

  /**
   * Dropped if, with everything gone that may go, the newcomer would still pass its share or the store; or if more would have
   * to go than one call may evict. Else: the oldest of its own group until the share is kept, then the slightest and oldest
   * of all. Crumbs are passed over once the rest of the plan could no longer be made up by larger items.
   */
  plan(severity: number, bytes: number, tagOrGroup: string, leaving?: string): Victim[] | 'dropped' {
    const group = tagOrGroup.slice(0, 16);
    const { maxCount, maxBytes, shareCount, shareBytes, maxPayloadBytes = 0 } = this.limits;
    const most = Math.max(EVICTIONS_MIN, Math.ceil(maxPayloadBytes / SMALL));
    const passesShare = (own: Item[]): boolean =>
      own.length > 0 && (own.length + 1 > shareCount || sum(own) + bytes > shareBytes);
    const isFull = (all: Item[]): boolean => all.length + 1 > maxCount || sum(all) + bytes > maxBytes;
    const mayLeave = (item: Item): boolean => !item.onHold && (item.archived || item.severity <= severity);
    const victims: Victim[] = [];
    const gone = new Set([leaving]);
    const left = (): Item[] => this.entered.filter((item) => !gone.has(item.id));
    const own = (): Item[] => left().filter((item) => item.group === group);

    if (bytes > maxBytes) return 'dropped';
    const stays = left().filter((item) => !mayLeave(item));
    if (passesShare(stays.filter((item) => item.group === group)) || isFull(stays)) return 'dropped';
    while (passesShare(own()) || isFull(left())) {
      if (victims.length === most) return 'dropped';
      const share = passesShare(own());
      const lacking = Math.max(0, sum(left()) + bytes - maxBytes, share ? sum(own()) + bytes - shareBytes : 0);
      const candidates = share
        ? own().filter(mayLeave)
        : left()
            .filter(mayLeave)
            .map((item, index) => ({ item, index }))
            .sort((a, b) => rank(a.item) - rank(b.item) || a.index - b.index)
            .map(({ item }) => item);
      const anySize = victims.length + 1 + Math.ceil(lacking / SMALL) <= most;
      const victim = (anySize ? undefined : candidates.find((item) => bytesOf(item) >= SMALL)) ?? candidates[0]!;
      victims.push({ id: victim.id, reason: share ? 'share' : 'full' });
      gone.add(victim.id);
    }
    return victims;
  }

  insert(item: Item): void {
    this.items.push(item);
    this.entered.push(item);
  }

  release(id: string): void {
    this.items = this.items.filter((item) => item.id !== id);
    this.entered = this.entered.filter((item) => item.id !== id);
  }

  duplicate(id: string, tagOrGroup: string, severity: number, disposition: number, now: number): number {
    const group = tagOrGroup.slice(0, 16);
    const item = this.get(id);
    item.lastSeenAt = Math.max(item.lastSeenAt, now);
    item.disposition = Math.max(item.disposition, disposition);
    if (severity > item.severity) {
      item.severity = severity;
      this.#enterAgain(item);
    }
    let due = false;
    const sender = group.slice(0, 8);
    if (group !== item.group && sender !== item.lastSource) {
      item.lastSource = sender;
      if (item.distinct < 0xffff) {
        item.distinct += 1;
        due = isPowerOfTwo(item.distinct);
      }
    }
    if (item.seen < SEEN_MAX) {
      item.seen += 1;
      due ||= isPowerOfTwo(item.seen - 1);
    } else {
      item.accounted -= 1;
      due ||= item.seen - item.accounted >= SEEN_STEP;
    }
    if (!due) return 0;
    const events = item.seen - item.accounted;
    item.accounted = item.seen;
    return events;
  }

  pending(id: string): number {
    return this.get(id).seen - this.get(id).accounted;
  }

  setState(id: string, what: 'archived' | 'onHold', on: boolean): boolean {
    const item = this.get(id);
    if (item[what] === on) return false;
    item[what] = on;
    this.#enterAgain(item);
    return true;
  }

  /** Ids are lowercase hex, so the order of strings is the order of bytes. */
  oldest(after: string, count: number): string[] {
    return this.items
      .map((item) => item.id)
      .filter((id) => id > after)
      .sort()
      .slice(0, count);
  }

  #enterAgain(item: Item): void {
    this.entered = this.entered.filter((other) => other !== item);
    this.entered.push(item);
  }
}

export const newItem = (item: Partial<Item> & Pick<Item, 'id' | 'hash' | 'tag'>): Item => ({
  suffix: '00'.repeat(8),
  salt: '00'.repeat(16),
  payloadHash: '',
  category: 'sqli',
  detector: '',
  payload: '',
  flags: 0,
  severity: 0,
  disposition: 1,
  capturedAt: 0,
  lastSeenAt: item.capturedAt ?? 0,
  seen: 1,
  accounted: item.seen ?? 1,
  distinct: 0,
  lastSource: NO_SOURCE,
  expiresAt: 0,
  archived: false,
  onHold: false,
  seq: 0,
  group: item.tag.slice(0, 16),
  ...item,
});
