/**
 * A Worker whose limit holds whichever isolate is asked: limiter, quarantine and log live in Durable Objects.
 * `npm run example cloudflare/object`. To deploy it: docs/deploy/cloudflare.md.
 */
import { env } from 'cloudflare:workers';
import { secretFrom } from 'tracehound/cloudflare';
import { type ObjectNamespace, shardedTracehound, TracehoundObject } from 'tracehound/cloudflare/object';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

// For this machine only: everybody can read it.
const DEVELOPMENT = '7c2f0a6b9e41d85310fb6ac2d97e4835b1c60f8e2a7d93546e0b8fc1a25d7394';
// Deployed, it comes from `wrangler secret put`; objects and Workers must have the same.
const { TRACEHOUND_SECRET = DEVELOPMENT } = env as { TRACEHOUND_SECRET?: string };
const settings = {
  secret: secretFrom(TRACEHOUND_SECRET),
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
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

export default { fetch: guarded(() => new Response('hello from a Durable Object\n')) };
