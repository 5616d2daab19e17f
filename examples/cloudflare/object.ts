/**
 * A Worker whose limit holds whichever isolate is asked: limiter, quarantine and log live in Durable Objects.
 * `npm run example cloudflare/object`. To deploy it: docs/deploy/cloudflare.md.
 */
import { env } from 'cloudflare:workers';
import { type ObjectNamespace, shardedTracehound, TracehoundObject } from 'tracehound/cloudflare/object';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

// Deployed, it comes from `wrangler secret put`; objects and Workers must have the same.
const { TRACEHOUND_SECRET = 'for this machine only, 32 bytes or more' } = env as { TRACEHOUND_SECRET?: string };
const settings = {
  secret: new TextEncoder().encode(TRACEHOUND_SECRET),
  rateLimit: { windowMs: 60_000, limit: 20, maxSources: 8_192 },
  quarantine: { maxCount: 1_000, maxBytes: 4 * 1_048_576 },
  audit: { maxRecords: 2_048 },
};

export class Shard extends TracehoundObject {
  override options() {
    return settings;
  }
}

const th = shardedTracehound((env as { SHARDS: ObjectNamespace }).SHARDS, { ...settings, shards: 4 });
const guarded = tracehound(th, { detect: ({ url }) => signal(url) });

export default { fetch: guarded(() => new Response('hello from a Durable Object\n')) };
