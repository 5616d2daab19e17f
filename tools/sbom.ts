/**
 * Writes the bill of materials of the published package to `build/sbom.cdx.json` (CycloneDX): `npm run sbom`. It lists the package
 * and nothing else, because the package installs nothing else; `hono` is a peer that the user brings.
 *
 * Relies on: `npm sbom`, the lockfile. Refuses: to write a bill that lists a runtime dependency.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
}

interface Bill {
  readonly bomFormat?: string;
  readonly metadata?: { readonly component?: { readonly purl?: string } };
  readonly components?: readonly { readonly name?: string }[];
}

/** The bill as it is published. Throws for one that is not of this package alone. */
export function billOf(text: string, { name, version }: Manifest): string {
  const bill = JSON.parse(text) as Bill;
  const { component } = bill.metadata ?? {};
  const purl = `pkg:npm/${name}@${version}`;
  if (bill.bomFormat !== 'CycloneDX' || component?.purl !== purl)
    throw new Error(`sbom: another bill, expected CycloneDX of ${purl}, got ${component?.purl ?? 'no package'}`);
  const others = (bill.components ?? []).map((each) => each.name);
  if (others.length > 0) throw new Error(`sbom: runtime dependencies, expected none, got ${others.join(', ')}`);
  // npm calls the package by the name of the folder that it lies in.
  return `${JSON.stringify({ ...bill, metadata: { ...bill.metadata, component: { ...component, name } } }, undefined, 2)}\n`;
}

if (import.meta.main) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only'];
  const bill = billOf(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }), manifest);
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(join(root, 'build', 'sbom.cdx.json'), bill);
  console.log(`sbom: build/sbom.cdx.json, ${manifest.name} ${manifest.version} without dependencies`);
}
