/**
 * The door: every export of the core on one page, each with its contract. No logic.
 */
export { init } from './intercept';
