/**
 * A panic is us being wrong: the code is left in the header for the engine to read, and the core stops for good.
 *
 * Relies on: the header. Refuses: to go on. Only `unreachable` stops both builds of the core — in the JavaScript build
 * out-of-bounds loads answer 0 and a division by zero answers 0, so nothing else may be trusted to trap.
 */
import { HEADER_AT, HEADER_PANIC, PANIC_ABORT } from './abi';

export function panic(code: u32): void {
  store<u32>(HEADER_AT + HEADER_PANIC, code);
  unreachable();
}

/** Stays on in release: what must hold, or `code`. */
export function hold(condition: bool, code: u32): void {
  if (!condition) panic(code);
}

/** What asc calls for its own assertions (`--use abort=assembly/panic/abort`); keeps the module free of imports. */
export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  panic(PANIC_ABORT);
}
