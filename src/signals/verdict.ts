/**
 * What the text of a detector's header says, and when it says nothing. Shared by the mappers.
 *
 * Relies on: `validate` for what the operator configured. Refuses: to guess. What is not exactly a verdict is none.
 */

import { SEVERITIES } from '../http/hearing';
import type { Severity } from '../types/index';
import { readGroup, readText, word } from '../validate/index';

/** What a word of a detector means. */
export interface Meaning {
  readonly category: string;
  readonly severity: Severity;
}

export const MEANING_NAMES = ['category', 'severity'] as const;

export function readMeaning(part: string, value: unknown): Meaning {
  return meaningOf(part, readGroup(part, `${part}.`, value ?? null, MEANING_NAMES));
}

export function meaningOf(part: string, given: { readonly category?: unknown; readonly severity?: unknown }): Meaning {
  return {
    category: readText(`${part}.category`, given.category, 1),
    severity: word(`${part}.severity`, given.severity, SEVERITIES, null),
  };
}

/** A whole number without sign, of at most nine digits; `undefined` for anything else. */
export function wholeOf(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/**
 * What stands in a header where there is no value for it: nothing, `(null)` (Apache, after an internal redirect), a dash
 * (NGINX), the variable's own name (Coraza, and templates that nobody filled in).
 */
export function isPlaceholder(text: string): boolean {
  return (
    /^(?:|-|null|nil|none|nan|undefined|\(.*\)|[%$].*|(?:tx|env|var|http)[.:_]\S*)$/i.test(text) || /[{}<>]/.test(text)
  );
}
