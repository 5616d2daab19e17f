/**
 * Guards src/stores/fs-versions.ts: of all who saw one version one succeeds; what is in force is what is shown; bytes that can
 * never be in force go; a folder that lost its pointer or its bytes is never guessed at.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { Disk } from '../../../src/stores/fs-disk';
import { Versions } from '../../../src/stores/fs-versions';
import { steppedFs } from '../../lab/fs-port';

const top = mkdtempSync(join(tmpdir(), 'tracehound-versions-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
let made = 0;
let root = '';
beforeEach(() => {
  root = join(top, String(made++));
});

const NAME = 'checkpoint';
const bytes = (value: number): Uint8Array => Uint8Array.of(value, value);
const is =
  (value: number) =>
  (current: Uint8Array): boolean =>
    current[0] === value;
const versions = (): Versions =>
  new Versions(
    new Disk(
      steppedFs(() => {}, { isSynced: false }),
      root,
    ),
    root,
    NAME,
  );
const beside = (): string => join(root, `${NAME}~`);
const names = (): string[] => readdirSync(beside()).sort();
const shown = (): Uint8Array => new Uint8Array(readFileSync(join(root, NAME)));
/** An object that was put and never swapped. */
const put = (value: number): void => {
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, NAME), bytes(value));
};

describe('an object', () => {
  it('that nobody put has no bytes, and is not replaced', async () => {
    expect(await versions().read()).toBeUndefined();
    mkdirSync(root, { recursive: true });
    expect(await versions().replace(bytes(1), () => true)).toBe(false);
    expect(existsSync(join(root, NAME))).toBe(false);
  });

  it('has the bytes of its last version, in force and in sight, whoever looks', async () => {
    put(0);
    expect(await versions().read()).toEqual(bytes(0));
    for (let n = 1; n <= 12; n++) {
      expect(await versions().replace(bytes(n), is(n - 1))).toBe(true);
      expect(await versions().read()).toEqual(bytes(n));
      expect(shown()).toEqual(bytes(n));
      const [pointer, version, ...more] = names().sort((a, b) => Number(b.startsWith('@')) - Number(a.startsWith('@')));
      expect(pointer).toMatch(new RegExp(`^@${n}\\.[0-9a-f]{16}$`));
      expect([version, more]).toEqual([pointer!.slice(1), []]);
    }
  });

  it('is not replaced when other bytes are in force, and stays untouched', async () => {
    put(0);
    expect(await versions().replace(bytes(1), is(7))).toBe(false);
    expect(existsSync(beside()), 'nothing was begun').toBe(false);
    await versions().replace(bytes(1), is(0));
    const before = names();
    expect(await versions().replace(bytes(2), is(0))).toBe(false);
    expect([await versions().read(), names()]).toEqual([bytes(1), before]);
  });

  it('is won by one of all who saw one version', async () => {
    put(0);
    for (const base of [0, 100]) {
      if (base > 0) await versions().replace(bytes(base), () => true);
      const told = await Promise.all(
        Array.from({ length: 8 }, (_, i) => versions().replace(bytes(base + i + 1), is(base))),
      );
      const winner = told.indexOf(true);
      expect(told.filter((won) => won)).toHaveLength(1);
      expect(await versions().read()).toEqual(bytes(base + winner + 1));
      expect(shown()).toEqual(bytes(base + winner + 1));
    }
  });
});

describe('the folder of versions', () => {
  it('loses what can never be in force, and keeps what may be, and what is not ours', async () => {
    put(0);
    await versions().replace(bytes(1), is(0));
    const kept = ['2.aaaa', '9.bbbb', 'notes', '1.xyz', '01.aa', '@x'];
    for (const name of ['0.cccc', '0.eeee.out', '1.dddd', ...kept]) writeFileSync(join(beside(), name), '');
    // The next version is 2: a rival of it can no longer win, one of 9 might.
    await versions().replace(bytes(2), is(1));
    const left = names().filter((name) => !/\.[0-9a-f]{16}$/.test(name));
    expect(left).toEqual(['01.aa', '1.xyz', '9.bbbb', '@x', 'notes']);
  });

  it('that shows two pointers while one becomes the other is read by the newer', async () => {
    put(0);
    for (const n of [1, 2]) await versions().replace(bytes(n), is(n - 1));
    for (const older of ['1.aaaa', '1.ffffffffffffffff']) {
      writeFileSync(join(beside(), `@${older}`), '');
      writeFileSync(join(beside(), older), bytes(7));
      expect(await versions().read()).toEqual(bytes(2));
      unlinkSync(join(beside(), `@${older}`));
    }
  });

  it('shows the bytes in force to whoever reads files, also when their writer died before', async () => {
    put(0);
    await versions().replace(bytes(1), is(0));
    // What is in sight is a link to the version: it is taken away, and older bytes are put there.
    unlinkSync(join(root, NAME));
    writeFileSync(join(root, NAME), bytes(0));
    expect(await versions().replace(bytes(3), is(0))).toBe(false);
    expect(shown()).toEqual(bytes(1));
  });

  it('without a pointer, or without the bytes that it names, is damaged: nobody guesses', async () => {
    const damaged = (got: string) => ({
      code: 'STORE_FAILED',
      recoverable: false,
      message: expect.stringContaining(`got ${got}`),
    });
    put(0);
    await versions().replace(bytes(1), is(0));
    const [pointer] = names().filter((name) => name.startsWith('@'));
    unlinkSync(join(beside(), pointer!.slice(1)));
    await expect(versions().read()).rejects.toMatchObject(damaged('a pointer without its bytes'));
    await expect(versions().replace(bytes(2), () => true)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    unlinkSync(join(beside(), pointer!));
    await expect(versions().read()).rejects.toMatchObject(damaged('versions without a pointer'));
    expect(shown(), 'and what is in sight stays').toEqual(bytes(1));
  });
});
