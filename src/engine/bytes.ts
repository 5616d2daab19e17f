/**
 * Runs of bytes: compared, joined, and a number as bytes.
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

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Big-endian. */
export function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
