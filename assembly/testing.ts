/**
 * A second door, for tests only; never shipped. It opens the inner functions so that each can meet its model alone.
 */
export * from './index';
