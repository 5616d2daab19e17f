/**
 * What people read: text from outside made harmless, times, bytes.
 *
 * Relies on: nothing. Refuses: to hand a terminal anything but printable characters. Payloads are attacks, sidecars quote
 * them, and file names may be chosen by whoever wrote the log: C0 and C1 controls would move the cursor, erase what was
 * printed or type commands, and bidirectional marks would turn a line around.
 */

/** Controls, format characters (bidirectional ones too), unassigned, private, halves of characters; other line ends. */
const HARMFUL = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** One line of text that does nothing but stand there. What was escaped reads `\u{1b}`. */
export const harmless = (text: string): string =>
  text.replace(HARMFUL, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);

/** JSON that does nothing either, and stays JSON: in it, a backslash and a code unit are the character. */
export const escapedJson = (json: string): string =>
  json.replace(/[^\n\x20-\x7e]/g, (unit) =>
    /[\p{C}\p{Zl}\p{Zp}]/u.test(unit) ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit,
  );

/** Bytes that should be text. */
export const decoded = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const DAY_MS = 86_400_000;
/** Of year 9999: later, it is no time that anybody meant. */
const TIME_MAX = 253_402_300_799_999;

/** `2023-11-14T22:13:20.000Z`; the number itself where it is no time. */
export function timeText(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0 || ms > TIME_MAX) return String(ms);
  // Howard Hinnant's civil_from_days, for days from 1970 on. The language's own Date is left to the runtimes.
  const z = Math.floor(ms / DAY_MS) + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153); // months from March on
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const of = (value: number, digits: number): string => String(value).padStart(digits, '0');
  const left = ms % DAY_MS;
  const [hours, minutes] = [Math.floor(left / 3_600_000), Math.floor(left / 60_000) % 60];
  const seconds = `${of(Math.floor(left / 1_000) % 60, 2)}.${of(left % 1_000, 3)}`;
  return `${of(year, 4)}-${of(month, 2)}-${of(day, 2)}T${of(hours, 2)}:${of(minutes, 2)}:${seconds}Z`;
}

/** Unix ms of an ISO 8601 date or time with its zone, or of a number of ms; `undefined` for anything else. */
export function timeOf(text: string): number | undefined {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** A row of up to sixteen bytes that begins at `at`, as `hexdump -C` has it. */
export function hexRow(at: number, row: readonly number[]): string {
  const hex = row.map((byte) => byte.toString(16).padStart(2, '0'));
  const [left, right] = [hex.slice(0, 8).join(' '), hex.slice(8).join(' ')];
  const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `${at.toString(16).padStart(8, '0')}  ${left.padEnd(23)}  ${right.padEnd(23)}  |${text}|`;
}

/** Its last line: how many bytes there were. */
export const hexTotal = (bytes: number): string => bytes.toString(16).padStart(8, '0');

/** `1,234,567`. */
export const counted = (value: number): string => String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
