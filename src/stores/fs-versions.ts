/**
 * Compare-and-swap on a disk, for any number of processes, without a lock: a lock's holder can die, or sleep and wake up
 * believing that he still holds it.
 *
 *   checkpoint                      the newest bytes, for whoever reads files. Replaced after the fact
 *   checkpoint~/@7.9f86d081884c7d65  empty; its name says which version is current. The only one of its kind
 *   checkpoint~/7.9f86d081884c7d65   the bytes of that version
 *   checkpoint~/8.…                  the bytes of versions that somebody hopes to make current
 *
 * A swap writes version n + 1 and then **renames the pointer**. A rename takes its source away, so of all who saw version
 * n one succeeds, and the others find nothing to rename. Versions are named at random and never come back, so a process
 * that slept since version n finds nothing either. Killed before the rename, the old bytes stay; after it, the new ones are
 * in force. Bytes of version n or lower that are not the current ones can never become current: they are taken away.
 *
 * Version 0 means: the bytes are those at `checkpoint` itself, which nobody changes before there is a version 1.
 *
 * Relies on: fs-disk; a rename that is atomic (POSIX; NTFS). Refuses: to guess when a pointer has lost its bytes.
 */
import { TracehoundError } from '../errors';
import { type Disk, token, unless } from './fs-disk';

interface Version {
  readonly number: number;
  /** `number.token`. */
  readonly id: string;
}

const NAME = /^(?<pointer>@?)(?<id>(?<number>0|[1-9][0-9]{0,15})\.[0-9a-f]{1,16})(?:\.out)?$/;
const FIRST = '@0.0';
/** Each further look means that somebody else swapped meanwhile; nobody does so this often within a read. */
const LOOKS_MAX = 64;

/** The versions of one object: at `<folder>/<name>`, and in the folder beside it. */
export class Versions {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #path: string;
  readonly #beside: string;

  constructor(disk: Disk, folder: string, name: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.#path = `${folder}/${name}`;
    this.#beside = `${this.#path}~`;
  }

  /** The bytes in force; `undefined` if there are none. */
  async read(): Promise<Uint8Array | undefined> {
    const [, bytes] = await this.#current();
    return bytes;
  }

  /** Puts `bytes` in the place of `expected` bytes. False, and nothing done, if others are in force. */
  async replace(bytes: Uint8Array, isExpected: (current: Uint8Array) => boolean): Promise<boolean> {
    const look = async (): Promise<Version | undefined | false> => {
      const [version, current] = await this.#current();
      if (current !== undefined && isExpected(current)) return version;
      // Whoever swapped last may have been killed before he could publish.
      await this.#publish();
      return false;
    };
    let version = await look();
    if (version === undefined) {
      await this.#begin();
      version = await look();
    }
    if (version === false) return false;
    if (version === undefined) throw damaged('no versions in the folder that was just made for them');
    await this.#disk.checkFolder(this.#beside);
    const next = version.number + 1;
    const isSwapped = await this.#succeed(version, { number: next, id: `${next}.${token()}` }, bytes);
    await this.#publish();
    await this.#tidy();
    return isSwapped;
  }

  /** Writes version `next` and makes it current, if `version` still is. */
  async #succeed(version: Version, next: Version, bytes: Uint8Array): Promise<boolean> {
    const fs = this.#disk.fs;
    try {
      await this.#disk.write(`${this.#beside}/${next.id}`, bytes);
    } catch (error) {
      await fs.unlink(`${this.#beside}/${next.id}`).catch(() => undefined);
      throw error;
    }
    await this.#disk.syncFolder(this.#beside);
    // From here on nobody but #tidy takes the bytes away: an error does not say that the rename did not happen.
    const rename = fs.rename(`${this.#beside}/@${version.id}`, `${this.#beside}/@${next.id}`).then(() => true);
    const isRenamed = await unless('ENOENT', rename);
    await this.#disk.syncFolder(this.#beside);
    // A network disk may rename, lose its answer, and say ENOENT when it is asked again.
    return isRenamed ?? (await this.#pointer())?.id === next.id;
  }

  async #current(): Promise<[Version | undefined, Uint8Array | undefined]> {
    for (let look = 0; look < LOOKS_MAX; look++) {
      const version = await this.#pointer();
      const isPlain = version === undefined || version.number === 0;
      const path = isPlain ? this.#path : `${this.#beside}/${version.id}`;
      const bytes = await unless('ENOENT ENOTDIR', this.#disk.fs.readFile(path));
      if (isPlain || bytes !== undefined) return [version, bytes && new Uint8Array(bytes)];
    }
    throw damaged('a pointer without its bytes');
  }

  /** What the pointer names; `undefined` if this object has no versions. */
  async #pointer(): Promise<Version | undefined> {
    for (let look = 0; look < LOOKS_MAX; look++) {
      const names = await unless('ENOENT ENOTDIR', this.#disk.fs.readdir(this.#beside));
      if (names === undefined) return undefined;
      // A folder that is read while a name changes may show both names, or neither.
      const pointers = names.map(parse).filter((found) => found?.isPointer);
      const newest = pointers.reduce((a, b) => (a === undefined || b!.number > a.number ? b : a), undefined);
      if (newest) return newest;
    }
    throw damaged('versions without a pointer');
  }

  /** Makes the folder of versions, its pointer inside, in one step: that fails if there is one, for it is never empty. */
  async #begin(): Promise<void> {
    const { fs } = this.#disk;
    const temporary = await this.#disk.temporary();
    try {
      await this.#disk.makeFolder(temporary);
      await this.#disk.write(`${temporary}/${FIRST}`, new Uint8Array(0));
      await this.#disk.syncFolder(temporary);
      await fs.rename(temporary, this.#beside);
    } catch (error) {
      await this.#disk.removeFolder(temporary);
      // Systems have many codes for a folder that is in the way.
      if ((await this.#pointer()) === undefined) throw error;
    }
    await this.#disk.syncFolder(this.#folder);
  }

  /**
   * Shows the bytes in force at the object's own name. Whoever was slower may have shown older ones after us, and whoever
   * was faster may be dead: so each looks again after he has shown his, until what he showed is in force.
   */
  async #publish(): Promise<void> {
    const { fs } = this.#disk;
    for (let version = await this.#pointer(); version !== undefined && version.number > 0; ) {
      const from = `${this.#beside}/${version.id}`;
      // Somebody else may publish the same version: then it is his link, and perhaps his rename.
      await unless('EEXIST ENOENT', fs.link(from, `${from}.out`));
      await unless('ENOENT', fs.rename(`${from}.out`, this.#path));
      // To rename one link of a file over another does nothing (POSIX), and leaves the first.
      await unless('ENOENT', fs.unlink(`${from}.out`));
      await this.#disk.syncFolder(this.#folder);
      const after = await this.#pointer();
      if (after?.id === version.id) return;
      version = after;
    }
  }

  /** Takes away what can never become current. What it cannot take away, the next swap will. */
  async #tidy(): Promise<void> {
    const version = await this.#pointer();
    if (version === undefined) return;
    for (const name of await this.#disk.fs.readdir(this.#beside)) {
      const found = parse(name);
      if (found === undefined || found.isPointer) continue;
      if (found.number > version.number || found.id === version.id) continue;
      await this.#disk.fs.unlink(`${this.#beside}/${name}`).catch(() => undefined);
    }
  }
}

function parse(name: string): (Version & { readonly isPointer: boolean }) | undefined {
  const { pointer, id, number } = NAME.exec(name)?.groups ?? {};
  return id === undefined ? undefined : { isPointer: pointer === '@', id, number: Number(number) };
}

/** Not recoverable: only somebody who knows what happened to the disk may decide which bytes count. */
function damaged(what: string): TracehoundError {
  const message = `fs store: the folder of versions is damaged, expected one pointer and its bytes, got ${what}`;
  return new TracehoundError('STORE_FAILED', message);
}
