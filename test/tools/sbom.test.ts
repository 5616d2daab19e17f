/** Guards the bill of materials: it is that of this package, and a runtime dependency never gets into it unseen. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { billOf } from '../../tools/sbom.ts';

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as {
  name: string;
  version: string;
};
const purl = `pkg:npm/${manifest.name}@${manifest.version}`;
const bill = (change: object = {}): string =>
  JSON.stringify({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    metadata: { component: { name: 'some-folder', purl } },
    components: [],
    ...change,
  });

it('is of this package, by its own name', () => {
  expect(JSON.parse(billOf(bill(), manifest))).toMatchObject({ metadata: { component: { name: 'tracehound', purl } } });
});

it('lists no runtime dependency', () => {
  const components = [{ name: 'left-pad', purl: 'pkg:npm/left-pad@1.3.0' }];
  expect(() => billOf(bill({ components }), manifest)).toThrow('expected none, got left-pad');
});

it.each([
  ['of another package', { metadata: { component: { purl: 'pkg:npm/other@1.0.0' } } }],
  ['of another version', { metadata: { component: { purl: 'pkg:npm/tracehound@9.9.9' } } }],
  ['of no package', { metadata: {} }],
  ['in another format', { bomFormat: 'SPDX' }],
])('is refused %s', (_what, change) => {
  expect(() => billOf(bill(change), manifest)).toThrow(/^sbom: another bill/);
});
