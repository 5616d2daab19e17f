/**
 * Runs of bytes: compared, and a number as bytes.
 *
 * Relies on: nothing. Refuses: to know what they mean.
 */

/** Negative, zero, positive, as `a` sorts before, with, after `b`. */
export function compareBytes(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) {
    const difference = (a[aFrom + i] as number) - (b[bFrom + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Big-endian. */
export function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
