/**
 * What CloudFront would say to the result of a function: the rules whose violation is a 502 for the viewer.
 *
 * Relies on: "Restrictions on Lambda@Edge" and "Lambda@Edge event structure" of CloudFront's guide, written down here a
 * second time and not taken from the runtime. Refuses: to run anything.
 */
import type {
  CloudFrontEvent,
  CloudFrontEventType,
  CloudFrontHeaders,
  CloudFrontRequest,
  CloudFrontResponse,
} from '../../runtimes/lambda-edge/index';

export const EVENT_TYPES: readonly CloudFrontEventType[] = [
  'viewer-request',
  'origin-request',
  'origin-response',
  'viewer-response',
];

const NEVER = new Set([
  ...['connection', 'expect', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'trailer'],
  ...['upgrade', 'x-accel-buffering', 'x-accel-charset', 'x-accel-limit-rate', 'x-accel-redirect', 'x-amzn-auth'],
  ...['x-amzn-cf-billing', 'x-amzn-cf-id', 'x-amzn-cf-xff', 'x-amzn-errortype', 'x-amzn-fle-profile'],
  ...['x-amzn-header-count', 'x-amzn-header-order', 'x-amzn-lambda-integration-tag', 'x-amzn-requestid', 'x-cache'],
  ...['x-forwarded-proto', 'x-real-ip'],
]);
const NEVER_PREFIX = /^(x-amz-cf-|x-edge-)/;

/** Per event: a function can read them, not set, change or remove them. */
const READ_ONLY: Readonly<Record<CloudFrontEventType, readonly string[]>> = {
  'viewer-request': ['cdn-loop', 'content-length', 'host', 'transfer-encoding', 'via'],
  'origin-request': [
    ...['accept-encoding', 'cdn-loop', 'content-length', 'if-modified-since', 'if-none-match', 'if-range'],
    ...['if-unmodified-since', 'transfer-encoding', 'via'],
  ],
  'origin-response': ['transfer-encoding', 'via'],
  'viewer-response': ['content-encoding', 'content-length', 'transfer-encoding', 'warning', 'via'],
};

const GENERATED_BYTES_MAX = { viewer: 40 * 1_024, origin: 1_024 * 1_024 };

/** An event as CloudFront sends it. */
export function event(
  eventType: CloudFrontEventType,
  request: Partial<CloudFrontRequest> = {},
  response: Partial<CloudFrontResponse> = {},
): CloudFrontEvent {
  const whole: CloudFrontRequest = {
    ...{ clientIp: '203.0.113.178', method: 'GET', uri: '/', querystring: '' },
    headers: {
      host: [{ key: 'Host', value: 'd111111abcdef8.cloudfront.net' }],
      'user-agent': [{ key: 'User-Agent', value: 'curl/7.66.0' }],
    },
    ...request,
  };
  const config = {
    eventType,
    distributionId: 'EDFDVBD6EXAMPLE',
    requestId: '4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==',
  };
  const answered: CloudFrontResponse = {
    ...{ status: '200', statusDescription: 'OK' },
    headers: { via: [{ key: 'Via', value: '1.1 varnish' }], 'content-length': [{ key: 'Content-Length', value: '3' }] },
    ...response,
  };
  return {
    Records: [{ cf: { config, request: whole, ...(eventType.endsWith('response') && { response: answered }) } }],
  };
}

/** What is wrong with `result`, each in a sentence; nothing when CloudFront takes it. `before`: the event, untouched. */
export function faults(before: CloudFrontEvent, result: CloudFrontRequest | CloudFrontResponse): string[] {
  const { config, request, response } = before.Records[0]!.cf;
  const found: string[] = [];
  const say = (holds: boolean, fault: string): void => {
    if (!holds) found.push(fault);
  };
  const original: CloudFrontHeaders = ('status' in result ? response?.headers : request.headers) ?? {};
  for (const [name, values] of Object.entries(result.headers ?? {})) {
    say(name === name.toLowerCase(), `${name}: not in lowercase`);
    say(Array.isArray(values) && values.length > 0, `${name}: not a list`);
    for (const { key, value } of values) {
      say(key === undefined || key.toLowerCase() === name, `${name}: listed under another name`);
      say(typeof value === 'string', `${name}: not a string`);
    }
    const same = JSON.stringify(original[name]) === JSON.stringify(values);
    say(same || !(NEVER.has(name) || NEVER_PREFIX.test(name)), `${name}: never to be set`);
    say(same || !READ_ONLY[config.eventType].includes(name), `${name}: read-only`);
  }
  const replaced = 'status' in result && response !== undefined && result.status !== response.status;
  for (const name of READ_ONLY[config.eventType]) {
    const kept = original[name] === undefined || result.headers?.[name] !== undefined;
    say(kept || replaced || ('status' in result && response === undefined), `${name}: removed`);
  }
  if (!('status' in result)) {
    say(config.eventType.endsWith('request'), 'a request where an answer is due');
    return found;
  }
  say(/^[2-5]\d\d$/.test(result.status), `status: ${result.status} is not three digits in a string`);
  if (config.eventType === 'viewer-response') {
    say(result.status === response?.status, 'status: changed at the viewer');
    say(result.body === undefined, 'body: set at the viewer');
  }
  if (result.body !== undefined) {
    say(['text', 'base64', undefined].includes(result.bodyEncoding), `bodyEncoding: ${result.bodyEncoding}`);
    const max = config.eventType.startsWith('viewer') ? GENERATED_BYTES_MAX.viewer : GENERATED_BYTES_MAX.origin;
    const size =
      Buffer.byteLength(result.body) +
      Buffer.byteLength(JSON.stringify(result.headers ?? {}).replace(/[[\]{}",]|key:|value:/g, ''));
    say(size <= max, `size: ${size} bytes, more than ${max}`);
  }
  return found;
}
