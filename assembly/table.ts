/**
 * Which record is whose: sets of sixteen ways, the tags of a set in one cache line, under a keyed hash, so that nobody
 * outside can choose to collide.
 *
 *     tags     │ 16 × u32 │ 16 × u32 │ …   one line per set; 0 = empty way
 *     records  │ 16 × stride         │ …   touched only on a hit
 *
 * Two sources with one tag in one set are counted as one: with n sources tracked, n²/2³³ ÷ sets of them, and it can
 * only refuse.
 *
 * Relies on: the PRF key, random per instance. Refuses: to decide who leaves (eviction.ts).
 */
import * as abi from './abi';
import { limiterState } from './clock';
import { halfSip64 } from './halfsip';

/** Hashes a key: its tag and its set are known until the next call. */
export function tablePlace(at: u32, bytes: u32): void {
  const state = limiterState();
  const low = halfSip64(state.prf0, state.prf1, at, bytes);
  // Tag 0 means an empty way.
  store<u32>(abi.CHECKED_AT + abi.CHECKED_TAG, low == 0 ? 1 : low);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_SET, load<u32>(abi.HALF_SIP_SECOND_AT) & (state.sets - 1));
}

export function placedTag(): u32 {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_TAG);
}

export function placedSet(): u32 {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_SET);
}

/**
 * The record with this tag; 0 if there is none. A source is put where its tag says as long as that way is empty, and
 * looked for there first: its record is then on its way from memory before the line of tags has arrived.
 */
export function tableFind(set: u32, tag: u32): u32 {
  const tags = tagsAt(set);
  const home: u32 = homeWay(tag);
  if (load<u32>(tags + (home << 2)) == tag) return recordAt(set, home);
  for (let way: u32 = 0; way < <u32>abi.LIMITER_WAYS; way++) {
    if (load<u32>(tags + (way << 2)) == tag) return recordAt(set, way);
  }
  return 0;
}

/** The way of this tag's own if it is empty, else the first that is; LIMITER_WAYS if there is none. */
export function tableEmptyWay(set: u32, tag: u32): u32 {
  const tags = tagsAt(set);
  const home: u32 = homeWay(tag);
  if (load<u32>(tags + (home << 2)) == 0) return home;
  let way: u32 = 0;
  while (way < <u32>abi.LIMITER_WAYS && load<u32>(tags + (way << 2)) != 0) way++;
  return way;
}

export function tagAt(set: u32, way: u32): u32 {
  return tagsAt(set) + (way << 2);
}

export function recordAt(set: u32, way: u32): u32 {
  return (
    load<u32>(abi.HEADER_AT + abi.HEADER_LIMITER_RECORDS) + (set * <u32>abi.LIMITER_WAYS + way) * limiterState().stride
  );
}

function homeWay(tag: u32): u32 {
  return tag & <u32>(abi.LIMITER_WAYS - 1);
}

function tagsAt(set: u32): u32 {
  return load<u32>(abi.HEADER_AT + abi.HEADER_LIMITER_TAGS) + (set << 6);
}
if (abi.LIMITER_WAYS << 2 != 1 << 6) ERROR('LIMITER_WAYS');
