/**
 * Keys that seal what leaves the process: AES-256-GCM under a key made from the `secret` and a label.
 *
 * Relies on: Web Crypto. Refuses: to keep a key, and to hand one out in a form that can be read.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** HMAC-SHA-256(secret, label), as all subkeys are derived (docs/identity.md). Not extractable. */
export async function sealKey(secret: Uint8Array, label: Uint8Array, uses: KeyUsage[]): Promise<CryptoKey> {
  const { subtle } = crypto;
  const key = await subtle.importKey('raw', secret as Bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const bytes = await subtle.sign('HMAC', key, label as Bytes);
  return subtle.importKey('raw', bytes, 'AES-GCM', false, uses);
}
