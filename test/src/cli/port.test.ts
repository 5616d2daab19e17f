/**
 * Guards `src/cli/port.ts`: a platform with no links, no modules and no network is enough for every command.
 */
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/index';
import type { CommandPort } from '../../../src/cli/port';

/** The least that a platform may have: no file, no digest, nothing that is optional. */
const least = (args: string[]): { port: CommandPort; said: () => string } => {
  let said = '';
  const none = async (): Promise<undefined> => undefined;
  const port: CommandPort = {
    args,
    lies: none,
    read: none,
    open: async function* () {},
    list: async () => [],
    input: async function* () {},
    spool: async () => ({ open: async function* () {}, drop: async () => {} }),
    create: () => Promise.reject(new Error('no disk')),
    out: async (bytes) => {
      said += new TextDecoder().decode(bytes);
      return true;
    },
    err: (text) => {
      said += text;
    },
    isTerminal: { err: false, out: false },
    now: () => 0,
  };
  return { port, said: () => said };
};

describe('a platform', () => {
  it.each<[string[], number, RegExp]>([
    [['verify', '-'], 3, /there is nothing to verify/],
    [['verify', 'x'], 4, /no such file or folder/],
    [['inspect', '-'], 3, /there is nothing in it/],
    [['export', '-'], 3, /no log to export/],
    [['verify', '--store', 'x.mjs'], 4, /no modules can be loaded here/],
    [['verify', '--store', 'https://x.example'], 4, /no URL can be read here/],
    [['tag', '192.0.2.1', '--secret-file', 'x'], 4, /x: no such file/],
    [['--version'], 0, /^\d+\.\d+\.\d+/],
  ])('of the least kind answers %j', async (args, code, message) => {
    const { port, said } = least(args);
    expect(await run(port)).toBe(code);
    expect(said()).toMatch(message);
  });
});
