/**
 * Installs the workspaces that tests need and the project's own install leaves out: `node tools/engines.ts test/engines`.
 *
 * Relies on: npm, and the lock file of the workspace. Refuses: to install again what was installed from the same lock by
 * the same npm, because `npm test` asks each time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function install(workspace: string): void {
  const folder = join(root, workspace);
  const stampPath = join(folder, 'node_modules', '.installed');
  const lock = readFileSync(join(folder, 'package-lock.json'));
  const stamp = createHash('sha256').update(lock).update(process.version).update(process.arch).digest('hex');
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) {
    console.log(`engines: ${workspace} as it was`);
    return;
  }
  const began = performance.now();
  console.log(`engines: installing ${workspace}`);
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--no-update-notifier'], { cwd: folder, stdio: 'inherit' });
  writeFileSync(stampPath, stamp);
  console.log(`engines: ${workspace} installed, ${Math.round((performance.now() - began) / 1_000)} s`);
}

for (const workspace of process.argv.slice(2)) install(workspace);
