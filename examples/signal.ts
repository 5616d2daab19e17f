/**
 * What the examples take for a threat: four patterns in a request's target, enough to show Tracehound at work. It is *not* a web
 * application firewall, and not part of the package: put your WAF's verdict, your bot score or your own rule in its place.
 */
import type { ThreatSignal } from 'tracehound';

const RULES: readonly [category: string, severity: ThreatSignal['severity'], pattern: RegExp][] = [
  ['log4shell', 'critical', /\$\{jndi:/i],
  ['sqli', 'high', /\bunion\s(?:all\s)?select\b|['"] ?or ['"\d]|'\s?--/i],
  ['path-traversal', 'high', /\.\.[/\\]|\/etc\/passwd\b/i],
  ['xss', 'medium', /<script\b|\bjavascript:/i],
];

/** What a rule has to say about this target, as the client sent it, if any. */
export function signal(target: string): ThreatSignal | undefined {
  let plain = target.replaceAll('+', ' ');
  try {
    plain = decodeURIComponent(plain);
  } catch {
    // What does not decode is looked at as it is.
  }
  const rule = RULES.find(([, , pattern]) => pattern.test(plain));
  return rule && { category: rule[0], severity: rule[1], detector: 'example' };
}
