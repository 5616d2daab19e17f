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
}

export interface Item {
  id: string; // 32 hex characters
  suffix: string;
  salt: string;
  hash: string; // hash half of the signature
  payloadHash: string; // '' unless fingerprinted
  tag: string;
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
  lastSource: string; // first word of the tag of the last other sender
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
const isPowerOfTwo = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n));

const NO_SOURCE = '00000000';
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

  of(tag: string): Item[] {
    return this.items.filter((item) => item.tag === tag);
  }

  get(id: string): Item {
    const item = this.items.find((each) => each.id === id);
    if (item === undefined) throw new Error(`model: no item ${id}`);
    return item;
  }

  find(hash: string, category: string): Item | undefined {
    return this.items.find((item) => item.hash === hash && item.category === category);
  }

  /** archived 0–3, unarchived 4–7, on hold 8–11. */
  queue(number: number): Item[] {
    const queueOf = (item: Item): number => (item.onHold ? 8 : item.archived ? 0 : 4) + item.severity;
    return this.entered.filter((item) => queueOf(item) === number);
  }

  plan(severity: number, bytes: number, tag: string, leaving?: string): Victim[] | 'dropped' {
    const { maxCount, maxBytes, shareCount, shareBytes } = this.limits;
    if (bytes > maxBytes) return 'dropped';
    const victims: Victim[] = [];
    const isGone = (item: Item): boolean => item.id === leaving || victims.some((victim) => victim.id === item.id);

    const own = (): Item[] => this.of(tag).filter((item) => !isGone(item));
    const candidates = own().slice(0, 8);
    while (own().length > 0 && (own().length + 1 > shareCount || sum(own()) + bytes > shareBytes)) {
      const victim = candidates.find(
        (item) => !isGone(item) && !item.onHold && (item.archived || item.severity <= severity),
      );
      if (victim === undefined) return 'dropped';
      victims.push({ id: victim.id, reason: 'share' });
    }

    const left = (): Item[] => this.items.filter((item) => !isGone(item));
    const inOrder = [0, 1, 2, 3, 4, 5, 6, 7]
      .filter((queue) => queue <= 4 + severity)
      .flatMap((queue) => this.queue(queue));
    while (left().length + 1 > maxCount || sum(left()) + bytes > maxBytes) {
      const victim = inOrder.find((item) => !isGone(item));
      if (victim === undefined || victims.length === 8) return 'dropped';
      victims.push({ id: victim.id, reason: 'full' });
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

  duplicate(id: string, tag: string, severity: number, disposition: number, now: number): number {
    const item = this.get(id);
    item.lastSeenAt = Math.max(item.lastSeenAt, now);
    item.disposition = Math.max(item.disposition, disposition);
    if (severity > item.severity) {
      item.severity = severity;
      this.#enterAgain(item);
    }
    let due = false;
    const sender = tag.slice(0, 8);
    if (tag !== item.tag && sender !== item.lastSource) {
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
  ...item,
});
