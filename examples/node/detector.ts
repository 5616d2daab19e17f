/**
 * An example of a detector: a dozen patterns, enough to show Tracehound at work. It is *not* a web application
 * firewall, and it is not part of the package: put your WAF's verdict, your bot score or your own rule in its place.
 */
import type { Context } from 'hono';
import type { Inspection, Severity, ThreatSignal } from 'tracehound';

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

/** So much of a body is looked at. */
const PEEK_BYTES = 16_384;

/**
 * What a rule has to say about this request, if any. The target is the one that the client sent, before a server resolved
 * `..`; what is read of the body stays there for the evidence and for the application.
 */
export async function detect(c: Context, { rawTarget, body }: Inspection): Promise<ThreatSignal | undefined> {
  return (
    look(rawTarget, 'target') ??
    look([...c.req.raw.headers].map(([name, value]) => `${name}: ${value}`).join('\n'), 'headers') ??
    look(new TextDecoder().decode(await body(PEEK_BYTES)), 'body')
  );
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
