/**
 * What CloudFront hands to a function: the four events, and a request of theirs as the guard wants to see it.
 *
 * Relies on: the event structure that CloudFront documents. Refuses: to trust it. A header that no `Headers` would take
 * never ends the request.
 *
 * @module
 */
import type { Facts } from '../../src/http/facts';

export type CloudFrontEventType = 'viewer-request' | 'origin-request' | 'origin-response' | 'viewer-response';

/** By lowercase name; each value with the name as it was spelt. */
export type CloudFrontHeaders = Record<string, { key?: string; value: string }[]>;

export interface CloudFrontRequest {
  clientIp: string;
  method: string;
  uri: string;
  querystring: string;
  headers: CloudFrontHeaders;
  httpVersion?: string;
  /** Only where "Include body" is switched on, and only in the request events. */
  body?: {
    action: 'read-only' | 'replace';
    data: string;
    encoding: 'base64' | 'text';
    /** CloudFront kept back what is beyond 40 KB (viewer) or 1 MB (origin). */
    inputTruncated?: boolean;
  };
  origin?: unknown;
}

export interface CloudFrontResponse {
  status: string;
  statusDescription?: string;
  headers?: CloudFrontHeaders;
  body?: string;
  bodyEncoding?: 'text' | 'base64';
}

/** What your functions get: one record's `cf`. */
export interface CloudFrontRecord {
  config: { eventType: CloudFrontEventType; distributionId?: string; requestId?: string };
  request: CloudFrontRequest;
  /** Only in the response events. */
  response?: CloudFrontResponse;
}

export interface CloudFrontEvent {
  Records: { cf: CloudFrontRecord }[];
}

/** The one record of an event. Throws where there is none: then it was not CloudFront who called. */
export function recordOf(event: CloudFrontEvent): CloudFrontRecord {
  const record = event?.Records?.[0]?.cf;
  if (typeof record?.request?.clientIp === 'string' && typeof record.config?.eventType === 'string') return record;
  throw new TypeError('lambda-edge: not an event of CloudFront, expected Records[0].cf, got something else');
}

export function eventFacts({ request }: CloudFrontRecord): Facts {
  const { method, uri, querystring, httpVersion } = request;
  const headers = new Headers();
  const fields: [name: string, value: string][] = [];
  for (const [name, values] of Object.entries(request.headers)) {
    for (const { key = name, value } of values) {
      fields.push([key, value]);
      try {
        headers.append(name, value);
      } catch {
        // Not a header of HTTP: nobody behind us could read it either. It is kept as a field.
      }
    }
  }
  return {
    method,
    // As CloudFront matched it: already normalised, never decoded.
    url: `https://${headers.get('host') ?? 'unknown'}${uri}${querystring ? `?${querystring}` : ''}`,
    headers,
    version: httpVersion,
    // The viewer's; CloudFront says it only where a policy asks for it.
    scheme: headers.get('cloudfront-forwarded-proto') ?? '',
    // Their spelling and each of several, as they came; CloudFront keeps no order between names.
    fields,
    body: () => null,
    buffered: () => bodyOf(request),
  };
}

function bodyOf({ body }: CloudFrontRequest): ReturnType<NonNullable<Facts['buffered']>> {
  if (body === undefined || (body.data === '' && body.inputTruncated !== true)) return undefined;
  const bytes =
    body.encoding === 'base64'
      ? Uint8Array.from(atob(body.data), (character) => character.charCodeAt(0))
      : new TextEncoder().encode(body.data);
  return Promise.resolve({ bytes, remade: false, cut: body.inputTruncated === true });
}
