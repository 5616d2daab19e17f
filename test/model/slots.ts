/**
 * The places for bodies (src/http/slots.ts) in the slowest and plainest words: a list, sorted anew for each question.
 */
export interface ModelPlace {
  readonly id: number;
  readonly group: string;
  readonly since: number;
  moved: number;
  bytes: number;
}

export class ModelSlots {
  readonly max: number;
  readonly graceMs: number;
  places: ModelPlace[] = [];

  constructor(max: number, graceMs: number) {
    this.max = max;
    this.graceMs = graceMs;
  }

  /** Who loses a place to this group now; nobody while places are free; `'nobody'` when the newcomer gets none. */
  take(id: number, group: string, now: number): ModelPlace | 'nobody' | undefined {
    const victim = this.places.length < this.max ? undefined : this.#victim(group, now);
    if (victim === 'nobody') return 'nobody';
    this.places = this.places.filter((place) => place !== victim);
    this.places.push({ id, group, since: now, moved: now, bytes: 0 });
    return victim;
  }

  #victim(group: string, now: number): ModelPlace | 'nobody' {
    const share = Math.max(1, Math.floor(this.max / 16));
    const held = (of: string): number => this.places.filter((place) => place.group === of).length;
    const settled = this.places.filter((place) => now - place.since >= this.graceMs);
    const own = settled.filter((place) => place.group === group);
    const greedy = this.places.filter((place) => held(place.group) > share);
    const candidates = held(group) >= share ? own : greedy.length > 0 ? greedy : settled;
    const speed = ({ bytes, moved, since }: ModelPlace): number =>
      now - moved >= this.graceMs ? 0 : bytes / Math.max(1, now - since);
    return [...candidates].sort((a, b) => speed(a) - speed(b) || a.moved - b.moved)[0] ?? 'nobody';
  }
}
