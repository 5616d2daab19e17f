/**
 * Guards the suite of stores (`test/conformance/store.ts`, `swap.ts`): a store that keeps every promise passes, and for each
 * assertion there is a store with one fault that it finds.
 */
import { describe, expect, it } from 'vitest';
import { conformLogStore, conformStore } from '../conformance/index';
import { LOG_STORE_CASES } from '../conformance/store';
import { suite } from '../lab/suite';
import { wholeStore } from '../lab/whole-store';
import { eachFails } from './broken';
import { BROKEN_STORES } from './store-faults';

describe('the suite of stores', () => {
  suite('passes a store that does all that a store may do', () => wholeStore(), LOG_STORE_CASES);

  it('reports each promise, and no error where it is kept', async () => {
    const reports = await conformLogStore(() => wholeStore());
    expect(reports.map(({ promise }) => promise)).toEqual(LOG_STORE_CASES.map(({ promise }) => promise));
    expect(reports.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('asks a store that cannot replace for all but that', async () => {
    const plain = await conformStore(() => {
      const { putIfAbsent, get } = wholeStore().store;
      return { store: { putIfAbsent, get } };
    });
    expect(plain.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(plain.some(({ part }) => part === 'swap')).toBe(false);
  });

  it('says of a store that cannot be made that it cannot', async () => {
    const reports = await conformStore(() => Promise.reject(new Error('no disk')));
    expect(new Set(reports.map(({ error }) => error))).toEqual(new Set(['no disk']));
  });

  eachFails(['store.ts', 'swap.ts'], LOG_STORE_CASES, BROKEN_STORES);
});
