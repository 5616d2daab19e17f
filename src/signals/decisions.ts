/**
 * A bounded list of decisions about networks, mirrored from somebody who names each of them: what begins under a name ends
 * under that name, and nothing else ends it.
 *
 *   one shelf for each kind and size of network ─▶ network ─▶ the decisions about it, each under its own name
 *
 * Relies on: the caller for names and times. Refuses: to grow beyond `max`. Of what it holds, decisions from afar give their
 * room to local ones; nothing else is ever forgotten for something newer, because then whoever fills the list could free the worst.
 */
import { masked, type Range } from '../formats/address';
import type { Severity } from '../types/index';

export interface Decision {
  /** What its owner calls it: equal for two decisions exactly when the owner takes them for one. */
  readonly name: string;
  readonly network: Range;
  readonly type: string;
  readonly severity: Severity;
  readonly scenario: string;
  /** Unix ms. */
  readonly until: number;
  /** Made here, not taken from a list of others. */
  readonly isLocal: boolean;
}

/** What is kept of a decision: a list has a hundred thousand of them. */
interface Held {
  readonly name: string;
  readonly scenario: string;
  readonly until: number;
  readonly isLocal: boolean;
  readonly shelf: Shelf;
  /** The network's address. */
  readonly key: string;
  /** Another decision about the same network, which is rare. */
  next: Held | undefined;
}

/** Decisions of one kind about networks of one size: a lookup costs one step for each shelf. */
interface Shelf {
  readonly name: string;
  readonly bits: number;
  readonly type: string;
  readonly severity: Severity;
  readonly networks: Map<string, Held>;
}

/** What holds about an address. */
export type Found = Pick<Decision, 'type' | 'severity' | 'scenario' | 'until'>;

const shelfOf = ({ network, type }: Decision): string => `${network.address.length} ${network.bits} ${type}`;
const rangeKey = (address: Uint8Array): string => String(address);

export class Decisions {
  readonly #max: number;
  readonly #shelves = new Map<string, Shelf>();
  /** From afar, in the order in which they came. */
  readonly #foreign = new Set<Held>();
  #held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  /** Of two of one name the longer one holds. Answers how many found no room: itself, or one from afar that made room for it. */
  begin(decision: Decision): 0 | 1 {
    const before = this.#named(decision);
    if (before !== undefined) {
      if (before.until >= decision.until) return 0;
      this.#drop(before);
    }
    let lost: 0 | 1 = 0;
    if (this.#held >= this.#max) {
      const [oldest] = this.#foreign;
      if (!decision.isLocal || oldest === undefined) return 1;
      this.#drop(oldest);
      lost = 1;
    }
    this.#hold(decision);
    return lost;
  }

  /** Ends the decision of this name about this network, whatever else holds there. */
  end(decision: Decision): void {
    const held = this.#named(decision);
    if (held !== undefined) this.#drop(held);
  }

  /** What ended unseen (its end was missed) gives its room back. */
  sweep(now: number): void {
    for (const { networks } of this.#shelves.values()) {
      for (const first of networks.values()) {
        for (const held of chain(first)) if (now >= held.until) this.#drop(held);
      }
    }
  }

  /** For each kind of decision about this address the one that holds longest; of those that ended the room is given back. */
  find(address: Uint8Array, now: number | undefined): Found[] {
    const found: Found[] = [];
    for (const { bits, type, severity, networks } of this.#shelves.values()) {
      let longest: Held | undefined;
      for (const held of chain(networks.get(rangeKey(masked(address, bits))))) {
        if (now !== undefined && now >= held.until) this.#drop(held);
        else if (longest === undefined || held.until > longest.until) longest = held;
      }
      if (longest !== undefined) found.push({ type, severity, scenario: longest.scenario, until: longest.until });
    }
    return found;
  }

  #named(decision: Decision): Held | undefined {
    const first = this.#shelves.get(shelfOf(decision))?.networks.get(rangeKey(decision.network.address));
    return chain(first).find(({ name }) => name === decision.name);
  }

  #hold(decision: Decision): void {
    const { network, name, scenario, until, isLocal, type, severity } = decision;
    const place = shelfOf(decision);
    const shelf = this.#shelves.get(place) ?? { name: place, bits: network.bits, type, severity, networks: new Map() };
    this.#shelves.set(place, shelf);
    const key = rangeKey(network.address);
    const held: Held = { name, scenario, until, isLocal, shelf, key, next: shelf.networks.get(key) };
    shelf.networks.set(key, held);
    if (!isLocal) this.#foreign.add(held);
    this.#held++;
  }

  #drop(held: Held): void {
    const { shelf, key } = held;
    const [first, ...rest] = chain(shelf.networks.get(key)).filter((one) => one !== held);
    // Linked anew: there are hardly ever two.
    let last = first;
    for (const one of rest) {
      (last as Held).next = one;
      last = one;
    }
    if (last !== undefined) last.next = undefined;
    if (first === undefined) shelf.networks.delete(key);
    else shelf.networks.set(key, first);
    this.#foreign.delete(held);
    this.#held--;
    if (shelf.networks.size === 0) this.#shelves.delete(shelf.name);
  }
}

/** A decision and the others about its network. */
function chain(first: Held | undefined): Held[] {
  const all: Held[] = [];
  for (let held = first; held !== undefined; held = held.next) all.push(held);
  return all;
}
