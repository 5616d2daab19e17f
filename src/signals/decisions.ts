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

/** Decisions of one kind about networks of one size: a lookup costs one step for each shelf. */
interface Shelf {
  readonly bits: number;
  readonly networks: Map<string, Map<string, Decision>>;
}

const shelfOf = ({ network, type }: Decision): string => `${network.address.length} ${network.bits} ${type}`;

export class Decisions {
  readonly #max: number;
  readonly #shelves = new Map<string, Shelf>();
  /** From afar, in the order in which they came. */
  readonly #foreign = new Set<Decision>();
  #held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  /** Of two of one name the longer one holds. Answers how many found no room: itself, or one from afar that made room for it. */
  begin(decision: Decision): 0 | 1 {
    const before = this.#about(decision)?.get(decision.name);
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
    const held = this.#about(decision)?.get(decision.name);
    if (held !== undefined) this.#drop(held);
  }

  /** What ended unseen (its end was missed) gives its room back. */
  sweep(now: number): void {
    for (const { networks } of this.#shelves.values()) {
      for (const decisions of networks.values()) {
        for (const decision of decisions.values()) if (now >= decision.until) this.#drop(decision);
      }
    }
  }

  /** For each kind of decision about this address the one that holds longest; of those that ended the room is given back. */
  find(address: Uint8Array, now: number | undefined): Decision[] {
    const found: Decision[] = [];
    for (const { bits, networks } of this.#shelves.values()) {
      let longest: Decision | undefined;
      for (const decision of networks.get(String(masked(address, bits)))?.values() ?? []) {
        if (now !== undefined && now >= decision.until) this.#drop(decision);
        else if (longest === undefined || decision.until > longest.until) longest = decision;
      }
      if (longest !== undefined) found.push(longest);
    }
    return found;
  }

  #about(decision: Decision): Map<string, Decision> | undefined {
    return this.#shelves.get(shelfOf(decision))?.networks.get(String(decision.network.address));
  }

  #hold(decision: Decision): void {
    const { address, bits } = decision.network;
    const shelf = this.#shelves.get(shelfOf(decision)) ?? { bits, networks: new Map() };
    this.#shelves.set(shelfOf(decision), shelf);
    const decisions = shelf.networks.get(String(address)) ?? new Map<string, Decision>();
    shelf.networks.set(String(address), decisions.set(decision.name, decision));
    if (!decision.isLocal) this.#foreign.add(decision);
    this.#held++;
  }

  #drop(decision: Decision): void {
    const networks = this.#shelves.get(shelfOf(decision))?.networks;
    const decisions = this.#about(decision);
    if (decisions?.delete(decision.name) !== true) return;
    this.#foreign.delete(decision);
    this.#held--;
    if (decisions.size === 0) networks?.delete(String(decision.network.address));
    if (networks?.size === 0) this.#shelves.delete(shelfOf(decision));
  }
}
