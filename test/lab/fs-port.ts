/**
 * A file system that fails, stops or waits before its nth step: each call of the port and of its files is a step.
 *
 * Relies on: node:fs/promises. Refuses: to pretend. What was done before the step was done to a real disk.
 */
import nodeFs from 'node:fs/promises';
import type { FsFile, FsPort } from '../../src/stores/fs';

/** Called before each step, with its number from 0 and its name. */
export type Before = (step: number, name: string) => Promise<void> | void;

export interface SteppedFs extends FsPort {
  /** Steps so far. */
  readonly steps: number;
  /** Closes what a killed process left open, as its system would. */
  end(): Promise<void>;
}

/** `node:fs/promises` with `before` in front of each step. `isSynced: false` leaves the waiting for the disk out. */
export function steppedFs(before: Before, { isSynced = true } = {}): SteppedFs {
  let step = 0;
  const open = new Set<nodeFs.FileHandle>();
  const stepped =
    <A extends unknown[], R>(name: string, act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await before(step++, name);
      return act(...args);
    };
  return {
    get steps() {
      return step;
    },
    end: async () => {
      for (const file of open) await file.close();
      open.clear();
    },
    mkdir: stepped('mkdir', (path, options) => nodeFs.mkdir(path, options)),
    lstat: stepped('lstat', (path) => nodeFs.lstat(path)),
    readFile: stepped('readFile', (path) => nodeFs.readFile(path)),
    readdir: stepped('readdir', (path) => nodeFs.readdir(path)),
    link: stepped('link', (from, to) => nodeFs.link(from, to)),
    rename: stepped('rename', (from, to) => nodeFs.rename(from, to)),
    unlink: stepped('unlink', (path) => nodeFs.unlink(path)),
    rmdir: stepped('rmdir', (path) => nodeFs.rmdir(path)),
    open: stepped('open', async (path, flags, mode): Promise<FsFile> => {
      const file = await nodeFs.open(path, flags, mode);
      open.add(file);
      return {
        // Two steps, because a process can die with half of a file written.
        writeFile: async (bytes) => {
          await before(step++, 'write');
          await file.write(bytes.subarray(0, bytes.length >> 1));
          await before(step++, 'write');
          await file.write(bytes.subarray(bytes.length >> 1));
        },
        sync: stepped('sync', async () => {
          if (isSynced) await file.sync();
        }),
        close: stepped('close', async () => {
          open.delete(file);
          await file.close();
        }),
      };
    }),
  };
}

/** What happens to a process that is killed: from this step on nothing, ever. `reached` tells when. */
export function killedAt(last: number): Before & { readonly reached: Promise<void> } {
  let reach = (): void => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const before: Before = (step) => {
    if (step < last) return;
    reach();
    return new Promise<void>(() => {});
  };
  return Object.assign(before, { reached });
}

/** Somebody who is slow: at one step he waits until `release` is called. */
export function pausedAt(paused: number): Before & { readonly reached: Promise<void>; release(): void } {
  let [reach, release] = [(): void => {}, (): void => {}];
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const before: Before = (step) => {
    if (step !== paused) return;
    reach();
    return released;
  };
  return Object.assign(before, { reached, release });
}

/** One step fails with a code of the system. */
export function failingAt(failing: number, code: string): Before {
  return (step) => {
    if (step === failing) throw Object.assign(new Error(`${code}: a secret`), { code });
  };
}
