/**
 * An example of a detector: a dozen patterns, enough to show Tracehound at work. It is *not* a web application
 * firewall, and it is not part of the package: put your WAF's verdict, your bot score or your own rule in its place.
 */
import type { Context } from 'hono';
import type { Severity, ThreatSignal } from 'tracehound';

interface Rule {
  category: string;
  severity: Severity;
  pattern: RegExp;
}

/** Every pattern is linear in the text: a detector that backtracks is an attack surface of its own. */
const RULES: readonly Rule[] = [
  { category: 'log4shell', severity: 'critical', pattern: /\$\{(?:jndi|lower|upper|env|sys|::-)/i },
  {
    category: 'sqli',
    severity: 'high',
    pattern: /\bunion\s(?:all\s)?select\b|['"] ?(?:or|and) ['"\d]|;\s?drop\stable\b|\bsleep\(\d|'\s?--/i,
  },
  { category: 'path-traversal', severity: 'high', pattern: /\.\.[/\\]|\/etc\/(?:passwd|shadow)\b/i },
  { category: 'xss', severity: 'medium', pattern: /<script\b|\bjavascript:|\bon(?:error|load)\s?=/i },
];

/** Bodies up to this are looked at. A longer one, or one of unknown length, is left to stream. */
const PEEK_BYTES_MAX = 16_384;

/** What a rule has to say about this request, if any. */
export async function detect(c: Context): Promise<ThreatSignal | undefined> {
  const target = rawTarget(c) ?? c.req.url;
  return (
    look(target, 'target') ??
    look([...c.req.raw.headers].map(([name, value]) => `${name}: ${value}`).join('\n'), 'headers') ??
    look(await peek(c), 'body')
  );
}

/** The request target before the server resolved `..`; on Node only. */
function rawTarget(c: Context): string | undefined {
  const env = c.env as { incoming?: { url?: unknown } } | undefined;
  return typeof env?.incoming?.url === 'string' ? env.incoming.url : undefined;
}

/** Reads small bodies through Hono, which keeps them for the handler (and for the evidence). */
async function peek(c: Context): Promise<string> {
  const length = Number(c.req.header('content-length') ?? 0);
  return length > 0 && length <= PEEK_BYTES_MAX ? c.req.text() : '';
}

function look(text: string, where: string): ThreatSignal | undefined {
  const plain = decoded(text);
  const rule = RULES.find(({ pattern }) => pattern.test(plain));
  if (rule === undefined) return undefined;
  const { category, severity } = rule;
  return { category, severity, detector: 'example', rule: `${category}-${where}` };
}

/** Percent-decoding twice, because attackers encode twice; `+` is a space. What does not decode stays as it is. */
function decoded(text: string): string {
  let plain = text.replaceAll('+', ' ');
  for (let round = 0; round < 2; round++) {
    plain = plain.replace(/(?:%[\da-f]{2})+/gi, (run) => {
      try {
        return decodeURIComponent(run);
      } catch {
        return run;
      }
    });
  }
  return plain;
}
