/**
 * A `Response` as CloudFront takes it from a function: lowercase header lists, a bounded body, and none of the headers
 * that would turn the answer into a 502.
 *
 * Relies on: the lists and limits that CloudFront documents for functions ("Restrictions on Lambda@Edge"). Refuses: to
 * send more than fits; a body that is too large is left out, and the caller is told.
 *
 * @module
 */
import type { CloudFrontEventType, CloudFrontHeaders, CloudFrontResponse } from './event';

/** What a function may generate, headers and body together: 40 KB at the viewer, 1 MB at the origin. */
const RESPONSE_BYTES_MAX: Readonly<Record<CloudFrontEventType, number>> = {
  'viewer-request': 40_960,
  'viewer-response': 40_960,
  'origin-request': 1_048_576,
  'origin-response': 1_048_576,
};

/** Never to be set by a function. */
const FORBIDDEN =
  /^(connection|expect|keep-alive|proxy-.*|trailer|upgrade|x-accel-.*|x-amz-cf-.*|x-amzn-.*|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip)$/;

/** Read-only in every answer of a function: CloudFront writes them from what it got. */
const READ_ONLY = /^(content-length|transfer-encoding|via|warning|host|cdn-loop)$/;

/** Whether a function may set this header of an answer. */
function settable(name: string): boolean {
  const lower = name.toLowerCase();
  return !FORBIDDEN.test(lower) && !READ_ONLY.test(lower);
}

export interface Written {
  readonly response: CloudFrontResponse;
  /** The body did not fit and was left out. */
  readonly overlong: boolean;
}

/** Reads the body to its end or to the limit, whichever comes first. */
export async function written(response: Response, eventType: CloudFrontEventType): Promise<Written> {
  const headers: CloudFrontHeaders = {};
  const max = RESPONSE_BYTES_MAX[eventType];
  let room = max;
  const add = (key: string, value: string): void => {
    const list = headers[key.toLowerCase()] ?? [];
    headers[key.toLowerCase()] = list;
    list.push({ key, value });
    room -= key.length + value.length + 4; // ": " and CRLF
  };
  for (const [name, value] of response.headers) if (name !== 'set-cookie' && settable(name)) add(name, value);
  for (const value of response.headers.getSetCookie?.() ?? []) add('set-cookie', value);
  const status = String(response.status);
  const head: CloudFrontResponse = { status, statusDescription: response.statusText || describe(status), headers };
  const bytes = await bodyWithin(response, room);
  if (bytes === undefined) return { response: head, overlong: true };
  if (bytes.length === 0) return { response: head, overlong: false };
  const text = utf8Text(bytes);
  if (text !== undefined) return { response: { ...head, body: text, bodyEncoding: 'text' }, overlong: false };
  const body = base64(bytes);
  if (body.length > room) return { response: head, overlong: true };
  return { response: { ...head, body, bodyEncoding: 'base64' }, overlong: false };
}

/** At most `max` bytes; `undefined` when there are more. What is left is not read. */
async function bodyWithin(response: Response, max: number): Promise<Uint8Array | undefined> {
  if (response.body === null) return new Uint8Array();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > max) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4_096) text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  return btoa(text);
}

/** The reason phrases of the answers that the guard makes. Others come with their own, or without. */
function describe(status: string): string {
  const phrases: Readonly<Record<string, string>> = {
    403: 'Forbidden',
    429: 'Too Many Requests',
    503: 'Service Unavailable',
  };
  return phrases[status] ?? '';
}
