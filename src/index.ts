/**
 * Public names and types. No logic. Runtimes add `createTracehound`.
 *
 * @module
 */
export { type ErrorCode, TracehoundError } from './errors';
export type { Heard, Signals, SignalView } from './hearing';
export type { HopOptions, Trust } from './hop';
export { type OpenLogOptions, openLog } from './open-log';
export { openSnapshot } from './snapshot';
export type * from './types';
export { VERSION } from './version';
