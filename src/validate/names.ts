/**
 * Which option was meant by a name that is none: one of ours misspelt, one that stands in another place, one that a peer
 * calls differently.
 *
 * Relies on: nothing. Refuses: to repeat a name that is nobody's. It may be a secret in the wrong place.
 */

/** Names that went elsewhere, and where to. */
const MOVED: Readonly<Record<string, string>> = {
  'audit.store': 'audit.log = storedLog(store) from tracehound/log',
};

/** Options of ours and who takes them, for whom looks for them in another place. `tracehound` is the adapters' function. */
export const PLACES: Readonly<Record<string, readonly string[]>> = {
  createTracehound: [
    ...['rateLimit', 'quarantine', 'audit', 'secret', 'failMode', 'clock', 'runtime', 'maxPayloadBytes'],
    ...['windowMs', 'limit', 'blockMs', 'maxSources', 'ipv6Prefix'].map((name) => `rateLimit.${name}`),
    ...['maxCount', 'maxBytes', 'maxShare', 'authorize'].map((name) => `quarantine.${name}`),
    ...['origin', 'signer', 'maxRecords', 'log'].map((name) => `audit.${name}`),
  ],
  tracehound: [
    ...[
      'detect',
      'signals',
      'source',
      'shadow',
      'skip',
      'allow',
      'onResult',
      'onRefused',
      'headers',
      'redact',
      'trace',
    ],
    ...['detectTimeoutMs', 'captureTimeoutMs', 'captureMax', 'onDetectorFailure'],
  ],
  storedLog: ['policy', 'checkpointMs', 'heartbeatMs', 'rotateMs', 'resume'],
  shardedTracehound: ['shards', 'timeoutMs', 'whenUnreachable', 'blocks'],
  edgeRateLimit: ['limitPerSecond', 'windowSeconds', 'blockMinutes'],
  'every header mapper': ['trust', 'forged'],
};

/** What other limiters and middleware call the same thing: express-rate-limit, hono-rate-limiter, @fastify/rate-limit, rate-limiter-flexible, koa-ratelimit. */
export const PEERS: Readonly<Record<string, string>> = {
  keyGenerator: 'source',
  max: 'limit',
  points: 'limit',
  timeWindow: 'windowMs',
  duration: 'windowMs',
  blockDuration: 'blockMs',
  ipv6Subnet: 'ipv6Prefix',
  handler: 'onRefused',
  errorResponseBuilder: 'onRefused',
  onExceeded: 'onRefused',
  onLimitReached: 'onRefused',
  standardHeaders: 'headers',
  legacyHeaders: 'headers',
  addHeaders: 'headers',
  allowList: 'allow',
  whitelist: 'allow',
  store: 'audit.log',
  threshold: 'atLeast',
  minScore: 'atLeast',
  maxScore: 'atMost',
  trustProxy: 'trust',
  trustedProxies: 'trust',
};

/** The sentence for a name that `names` does not have. `also` may be meant as well, but is not offered. */
export function unknownName(
  prefix: string,
  name: string,
  names: readonly string[],
  also: readonly string[] = [],
): TypeError {
  const moved = Object.hasOwn(MOVED, prefix + name) ? MOVED[prefix + name] : undefined;
  if (moved !== undefined) return new TypeError(`${prefix}${name}: moved, expected ${moved}, got the old name`);
  const meant = meantBy(name, [...names, ...also]);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  // Letters only: a control character makes a log line of its own.
  const shown = meant !== undefined && /^\w{1,32}$/.test(name) ? name : '?';
  const expected = names.length === 0 ? 'no names' : `one of ${names.join(', ')}`;
  return new TypeError(`${prefix}${shown}: no such option${hint}, expected ${expected}, got another name`);
}

function meantBy(name: string, names: readonly string[]): string | undefined {
  if (name.length > NAME_CHARACTERS_MAX) return undefined;
  const peers = Object.hasOwn(PEERS, name) ? PEERS[name] : undefined;
  if (peers !== undefined && names.includes(peers)) return `\`${peers}\``;
  const near = nearest(name, names);
  if (near !== undefined) return `\`${near}\``;
  return elsewhere(peers ?? name);
}

/** Where else a name of ours belongs, spelt right or nearly. */
function elsewhere(name: string): string | undefined {
  const places = Object.entries(PLACES).flatMap(([owner, paths]) => paths.map((path) => ({ owner, path })));
  const last = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
  const exact = places.find(({ path }) => path === name) ?? places.find(({ path }) => last(path) === name);
  const near =
    exact === undefined
      ? nearest(
          name,
          places.map(({ path }) => last(path)),
        )
      : undefined;
  const place = exact ?? places.find(({ path }) => last(path) === near);
  return place && `\`${place.path}\` of ${place.owner}`;
}

/** Longer than any option of ours with room for a mistake, and short enough that comparing costs nothing. */
const NAME_CHARACTERS_MAX = 32;

/** The name that a typing mistake most likely meant: same letters whatever their case, or at most a third of them wrong. */
function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const known of names) {
    const distance = editDistance(name.toLowerCase(), known.toLowerCase());
    if (distance < bestDistance && distance * 3 <= known.length) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's, one row at a time. */
function editDistance(from: string, to: string): number {
  const row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= to.length; j++) {
      const above = row[j]!;
      row[j] = from[i - 1] === to[j - 1] ? diagonal : 1 + Math.min(diagonal, above, row[j - 1]!);
      diagonal = above;
    }
  }
  return row[to.length]!;
}
