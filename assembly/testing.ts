/**
 * A second door, for tests only; never shipped. It opens the inner functions so that each can meet its model alone.
 */

export { halfSip, halfSip64 } from './halfsip';
export * from './index';
export * from './quarantine';
export { slabEquals, slabRead, slabRelease, slabTake, slabWrite } from './slab';
export { testQuarantineInit, testQuarantineInsert } from './testing/quarantine';
