/**
 * A strict reader for the part of RFC 9651 that the RateLimit fields use: a List of String Items whose parameters are
 * Integers or Byte Sequences. Everything else throws.
 */
export type Parameters = Record<string, number | Uint8Array>;

export function parseList(text: string): [string, Parameters][] {
  let at = 0;
  const fail = (expected: string): never => {
    throw new Error(`structured field: expected ${expected} at ${at} in ${JSON.stringify(text)}`);
  };
  const take = (pattern: RegExp, expected: string): string => {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = at;
    const found = sticky.exec(text)?.[0];
    if (found === undefined) return fail(expected);
    at += found.length;
    return found;
  };
  const value = (): number | Uint8Array => {
    if (text[at] !== ':') {
      const digits = take(/-?\d{1,15}/, 'an Integer (§4.2.4)');
      if (/[\d.]/.test(text[at] ?? '')) fail('the end of an Integer');
      return Number(digits);
    }
    const encoded = take(/:[A-Za-z0-9+/]*={0,2}:/, 'a Byte Sequence (§4.2.7)').slice(1, -1);
    const bytes = Buffer.from(encoded, 'base64');
    if (bytes.toString('base64') !== encoded) fail('padded base64 (§3.3.5)');
    return new Uint8Array(bytes);
  };
  const items: [string, Parameters][] = [];
  while (true) {
    const name = take(/"(?:[ !#-[\]-~]|\\["\\])*"/, 'a String (§4.2.5)');
    const parameters: Parameters = {};
    while (text[at] === ';') {
      at++;
      take(/ */, 'spaces');
      const key = take(/[a-z*][a-z0-9_.*-]*/, 'a key (§4.2.3.3)');
      take(/=/, '=');
      parameters[key] = value();
    }
    items.push([name.slice(1, -1), parameters]);
    if (at === text.length) return items;
    take(/[ \t]*,[ \t]*/, 'a comma');
  }
}
