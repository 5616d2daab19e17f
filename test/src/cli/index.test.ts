/**
 * Guards `src/cli/index.ts`: every command says how it is called, and an exit code is an accusation only where something is bad.
 */
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/index';
import { TracehoundError } from '../../../src/errors';
import { command } from '../../lab/port';

describe('the command', () => {
  it('never rejects, whatever its platform does', async () => {
    const said: string[] = [];
    const broken = { args: ['verify', 'x'], err: (text: string) => void said.push(text) };
    expect(await run(broken as never)).toBe(4);
    expect(said.length).toBeGreaterThan(0);
  });

  it('has five, and says of each how it is called', async () => {
    const { out, code } = await command(['--help']);
    expect(code).toBe(0);
    for (const name of ['verify', 'inspect', 'export', 'find', 'tag']) {
      expect(out).toMatch(new RegExp(`^ {2}tracehound ${name} `, 'm'));
      expect((await command([name, '--help'])).out).toBe(out);
      expect((await command([name, '--nonsense'])).code).toBe(4);
      expect((await command([name])).code).toBe(4);
    }
    expect(out.split('\n').every((line) => line.length <= 130)).toBe(true);
  });

  it.each<[string, unknown, number]>([
    ['a log that is not spelt as it must be', new TracehoundError('LOG_INVALID', 'x'), 1],
    ['a store that does not answer', new TracehoundError('STORE_FAILED', 'x'), 4],
    ['the disk', new Error('EIO'), 4],
    ['something else that was thrown', 'x', 4],
  ])('answers by what failed: %s', async (_, error, code) => {
    const ran = await command(['verify', 'f'], { lies: () => Promise.reject(error) });
    expect([ran.code, ran.err]).toEqual([code, expect.stringMatching(/^tracehound: /)]);
  });
});
