/**
 * Public names and types. No logic. Runtimes add `createTracehound`.
 *
 * @module
 */
export { type ErrorCode, TracehoundError } from './errors';
export { secretFrom } from './formats/secret';
export { openSnapshot } from './instance/image';
export { type OpenLogOptions, openLog } from './log/open';
export type * from './types/index';
export { VERSION } from './version';
