/**
 * What a request asked for and how: target, authority, scheme, version of the protocol, and how each of them is known.
 *
 * Relies on: what an adapter says about the request. Refuses: to claim more than the platform shows. A spelling that the
 * platform changed is called normalised, a version that it keeps to itself is left out, and a name that it filled in for a
 * missing Host is called its own.
 *
 * What servers do with a target was measured (docs/engines.md): Node shows the request line; Deno and workerd spell the
 * URL as the client did; Bun and every `new Request()` normalise it.
 *
 * @module
 */
import type { Facts } from './facts';
import type { Field } from './message';

/**
 * How the target is known. `raw`: the server shows it as it came · `url`: from the platform's URL, spelt as the client
 * did as far as can be seen, but its form (origin, absolute, `*`) is the platform's · `normalised`: from a URL in the normal
 * form of the URL Standard, whatever the client wrote.
 */
export type TargetReading = 'raw' | 'url' | 'normalised';

/**
 * Who said the authority. `target`: an absolute target, or the one of CONNECT · `pseudo`: `:authority` of HTTP/2 · `host`:
 * the field Host · `url`: only the platform's URL, which names its server itself where the client named none.
 */
export type AuthorityFrom = 'target' | 'pseudo' | 'host' | 'url';

export interface Asked {
  /** For the start line. */
  readonly target: string;
  readonly reading: TargetReading;
  /** Without user and password. */
  readonly authority?: string | undefined;
  readonly authorityFrom?: AuthorityFrom | undefined;
  readonly scheme?: string | undefined;
  /** `1.1`, `2.0` …; absent where the platform does not say it. */
  readonly version?: string | undefined;
}

/** Scheme and authority; the latter ends where RFC 3986 §3.2 ends it, and at a backslash as browsers do. */
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\\]*)/i;

export function askedOf(facts: Facts): Asked {
  return { ...(facts.target ? fromLine(facts, facts.target) : fromUrl(facts)), version: facts.version };
}

/** The request line, or the pseudo fields of HTTP/2. */
function fromLine(facts: Facts, target: string): Asked {
  const [, scheme = facts.scheme, named] = ABSOLUTE.exec(target) ?? [];
  const line = { target, reading: 'raw', scheme: scheme?.toLowerCase() } as const;
  if (facts.authority) return { ...line, authority: facts.authority, authorityFrom: 'pseudo' };
  if (facts.method === 'CONNECT') return { ...line, authority: target, authorityFrom: 'target' };
  if (named !== undefined) return { ...line, authority: withoutUser(named), authorityFrom: 'target' };
  const host = hostOf(facts);
  return host === '' ? line : { ...line, authority: host, authorityFrom: 'host' };
}

/** A URL in the place of the line. */
function fromUrl(facts: Facts): Asked {
  const { url } = facts;
  const host = hostOf(facts);
  const [prefix = '', said = '', named = ''] = ABSOLUTE.exec(url) ?? [];
  const reading = readingOf(facts);
  // Deno says `http+unix` of a request that came through a Unix socket.
  const scheme = facts.scheme ?? said.toLowerCase().replace('+unix', '');
  const ofHost = { reading, scheme, authority: host, authorityFrom: 'host' } as const;
  if (facts.method === 'CONNECT') {
    const target = named || host || url;
    return { target, reading, scheme, authority: target, authorityFrom: 'target' };
  }
  // A Host that is no host (`a/b@c`) stands in the URL as it came: first by its text, only then by what a URL is.
  const rest = host === '' ? undefined : behind(url, `${said}://${host}`);
  if (rest !== undefined) return { target: pathOf(rest, facts), ...ofHost };
  const path = pathOf(url.slice(prefix.length), facts);
  if (prefix === '') return host === '' ? { target: path, reading, scheme } : { target: path, ...ofHost };
  if (host !== '' && isSameHost(scheme, withoutUser(named), host)) return { target: path, ...ofHost };
  const authority = { authority: withoutUser(named), authorityFrom: 'url' } as const;
  // Asked of another than the one that Host names: only the absolute form says both.
  const target = host === '' ? path : `${scheme}://${named}${path}`;
  return { target, reading, scheme, ...authority };
}

/** Whether the platform's URL is what the client wrote. Only what is in normal form can have been normalised. */
function readingOf({ spelling, url }: Facts): TargetReading {
  if (spelling === 'sent') return 'url';
  try {
    return new URL(url).href === url ? 'normalised' : 'url';
  } catch {
    return 'url';
  }
}

/**
 * What stands behind the authority. A fragment is never sent by a browser: on a server it is the client's own text and
 * stays; where nobody knows who made the URL, it may be a page's secret and goes.
 */
function pathOf(rest: string, { spelling }: Facts): string {
  const path = spelling === undefined ? (rest.split('#', 1)[0] as string) : rest;
  return path === '' || path.startsWith('?') || path.startsWith('#') ? `/${path}` : path;
}

/** What follows `start`, when an authority can end there. */
function behind(url: string, start: string): string | undefined {
  if (!url.startsWith(start)) return undefined;
  const rest = url.slice(start.length);
  return rest === '' || /^[/?#*\\]/.test(rest) ? rest : undefined;
}

function isSameHost(scheme: string, one: string, host: string): boolean {
  try {
    return new URL(`${scheme}://${one}`).host === new URL(`${scheme}://${host}`).host;
  } catch {
    return false;
  }
}

/** The field Host; of several the first, which is the one that servers follow. */
function hostOf({ fields, headers }: Facts): string {
  const raw: Field | undefined = fields?.find(([name]) => name.toLowerCase() === 'host');
  return (raw?.[1] ?? headers.get('host')?.split(',', 1)[0] ?? '').trim();
}

const withoutUser = (authority: string): string => authority.slice(authority.lastIndexOf('@') + 1);

/** The target with the password in its authority replaced: that is what `Authorization: Basic` would carry. */
export function withoutPassword(target: string, replace: (secret: string) => string): string {
  const [prefix, scheme, authority = ''] = ABSOLUTE.exec(target) ?? [];
  const end = authority.lastIndexOf('@');
  if (prefix === undefined || end < 0) return target;
  return `${scheme}://${replace(authority.slice(0, end))}${authority.slice(end)}${target.slice(prefix.length)}`;
}
