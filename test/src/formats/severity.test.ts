/** Guards src/formats/severity.ts: the order of severities is that of docs/format.md, wherever one is ranked, stored or read. */
import { expect, it } from 'vitest';
import { SEVERITIES as ranked } from '../../../src/engine/index';
import { SEVERITY } from '../../../src/formats/record';
import { SEVERITIES } from '../../../src/formats/severity';
import { SEVERITIES as heard } from '../../../src/http/hearing';
import { ground } from '../../ground';

it('is one list for the core, the guard and the signals', () => {
  expect(ranked).toBe(SEVERITIES);
  expect(heard).toBe(SEVERITIES);
  expect(SEVERITIES).toEqual(['low', 'medium', 'high', 'critical']);
});

it('is the code in a record', () => {
  for (const [code, severity] of SEVERITIES.entries()) {
    const { th } = ground();
    th.intercept({ source: 'a', payload: severity, threat: { category: 'x', severity } });
    expect(th.audit.export().records.at(-1)?.[SEVERITY]).toBe(code);
    expect(th.quarantine.list()[0]?.severity).toBe(severity);
  }
});
