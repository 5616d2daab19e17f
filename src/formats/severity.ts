/**
 * The four severities in their order: the rank of one is its code in a record and in the core.
 *
 * Relies on: nothing. Refuses: a fifth.
 */
import type { Severity } from '../types/index';

export const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical'];
