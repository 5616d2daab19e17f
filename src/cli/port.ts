/**
 * What a command needs of the platform it runs on.
 *
 * Relies on: nothing. Refuses: logic. A platform answers as it can and rejects with whatever it has; the commands say it to
 * people with every control character escaped.
 */
import type { Open } from '../verify/file';

/** What lies at a path. */
export type Lies = 'file' | 'folder' | 'other';

/** A stream that was put aside, to be read more than once. */
export interface Spool {
  readonly open: Open;
  readonly drop: () => Promise<void>;
}

/** A file under way. */
export interface NewFile {
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** It is whole. */
  readonly done: () => Promise<void>;
  /** It will not be: nothing of it stays. */
  readonly drop: () => Promise<void>;
}

export interface CommandPort {
  /** What follows the command's name. */
  readonly args: readonly string[];
  /** `undefined` when nothing does. Rejects for what may not be looked at. */
  readonly lies: (path: string) => Promise<Lies | undefined>;
  /** The bytes of a file; `undefined` when there is none. Rejects for one of more than `bytesMax` bytes. */
  readonly read: (path: string, bytesMax: number) => Promise<Uint8Array | undefined>;
  /** A file in chunks, each of its own memory. */
  readonly open: (path: string) => AsyncIterable<Uint8Array>;
  /** Names in a folder; none when there is no such folder. */
  readonly list: (path: string) => Promise<readonly string[]>;
  /** The path of a file or folder with every link in it followed. Absent: there are no links. */
  readonly real?: (path: string) => Promise<string>;
  /** The default export of a module. Absent: no module can be loaded. */
  readonly load?: (path: string) => Promise<unknown>;
  /** The bytes at a URL; `undefined` when there is nothing. Rejects for more than `bytesMax`. Absent: no network. */
  readonly readUrl?: (url: string, bytesMax: number) => Promise<Uint8Array | undefined>;
  readonly input: () => AsyncIterable<Uint8Array>;
  readonly spool: (stream: AsyncIterable<Uint8Array>) => Promise<Spool>;
  /** A new file. Rejects when there is something at its path. */
  readonly create: (path: string) => Promise<NewFile>;
  /** Writes to the output, in its own time; false when nobody reads it any more. */
  readonly out: (bytes: Uint8Array) => Promise<boolean>;
  /** Writes to where people look. */
  readonly err: (text: string) => void;
  /** Somebody looks: there is a terminal behind `err`, and one behind `out`. */
  readonly isTerminal: { readonly err: boolean; readonly out: boolean };
  /** Unix ms. */
  readonly now: () => number;
  /** SHA-256 of the platform, where it has one that is not a promise. */
  readonly digest?: (bytes: Uint8Array) => Uint8Array;
}
