/**
 * Where the example keeps its log: a folder, and the key that vouches for it.
 *
 *   <folder>             the log as static files (docs/format.md)
 *   <folder>.key         the deployment's private key; a real one belongs into a secret store (docs/keys.md)
 *   <folder>.policy      whom to trust: hand it to whoever shall check the log, for `npx tracehound verify <folder> --policy <file>`
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { AuditOptions, LogStore } from 'tracehound';
import { storedLog } from 'tracehound/log';
import { generateKey, signerFromText } from 'tracehound/signer';
import { fsStore } from 'tracehound/stores/fs';

/** The store in `folder`, and the audit options that keep the log there under a key that is made once and kept beside it. */
export async function keepIn(folder: string): Promise<{ audit: AuditOptions; store: LogStore }> {
  const signer = await signerFromText(await keyOf(`${folder}.key`));
  await writeFile(`${folder}.policy`, `log ${signer.vkey}\nquorum none\n`);
  const store = fsStore(folder);
  return { audit: { origin: 'localhost/tracehound-example/{instance}', signer, log: storedLog(store) }, store };
}

async function keyOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const { skey } = await generateKey('localhost/tracehound-example');
  await writeFile(path, `${skey}\n`, { mode: 0o600, flag: 'wx' });
  return skey;
}
