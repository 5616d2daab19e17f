/**
 * The package's version, as GENESIS records it. A test compares it with package.json.
 *
 * Relies on: nothing. Refuses: anything else.
 */
export const VERSION = '0.1.0';
