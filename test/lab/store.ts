/**
 * A store for tests: objects in a map, and whatever a network does to those who use one.
 *
 * Relies on: nothing. Refuses: to be fast.
 */
import type { LogStore } from '../../src/index';

type Act = 'putIfAbsent' | 'get' | 'swap' | 'delete';

/** What becomes of one call: carried out, refused before, or carried out and never answered. */
export type Fate = 'done' | 'refused' | 'unanswered';

export class LabStore implements LogStore {
  objects: Map<string, Uint8Array>;
  /** Every call so far, as `act key`. */
  readonly calls: string[] = [];
  /** Decides the fate of each call. */
  fate: (act: Act, key: string, number: number) => Fate | Promise<Fate> = () => 'done';

  constructor(objects: Iterable<readonly [string, Uint8Array]> = []) {
    this.objects = new Map(objects);
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.call('putIfAbsent', key, () => {
      if (this.objects.has(key)) return 'exists';
      this.objects.set(key, bytes.slice());
      return 'created';
    });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.call('get', key, () => this.objects.get(key)?.slice());
  }

  swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'> {
    return this.call('swap', key, () => {
      if (!same(this.objects.get(key), expected)) return 'conflict';
      this.objects.set(key, bytes.slice());
      return 'swapped';
    });
  }

  text(key: string): string | undefined {
    const bytes = this.objects.get(key);
    return bytes && new TextDecoder().decode(bytes);
  }

  keys(prefix = ''): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** Another store with the objects as they are now. */
  copy(): LabStore {
    return new LabStore(this.objects);
  }

  /** The same store through another network. */
  door(): LabStore {
    const door = new LabStore();
    door.objects = this.objects;
    return door;
  }

  protected async call<T>(act: Act, key: string, carryOut: () => T): Promise<T> {
    const number = this.calls.push(`${act} ${key}`) - 1;
    const fate = await this.fate(act, key, number);
    if (fate === 'refused') throw new Error(`the network refused ${act} ${key}`);
    const answer = carryOut();
    if (fate === 'unanswered') throw new Error(`the network lost the answer to ${act} ${key}`);
    return answer;
  }
}

/** One that also takes away what it is told to. */
export class TidyStore extends LabStore {
  delete(key: string): Promise<boolean> {
    return this.call('delete', key, () => this.objects.delete(key));
  }
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.from(a).equals(Buffer.from(b));
