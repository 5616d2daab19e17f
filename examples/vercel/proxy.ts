/** Next.js 16 calls this before every page; it runs on Node. In a project of yours it is `proxy.ts` beside `app/`. */
import { NextResponse } from 'next/server';
import { tracehound } from 'tracehound/fetch';
import { createTracehound } from 'tracehound/vercel';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

export const proxy = guarded(() => NextResponse.next());
