/**
 * Guards `src/cli/output.ts`: lines are held for a while and not without end, and nobody writes to who does not read.
 */
import { describe, expect, it } from 'vitest';
import { NobodyReads, Output, Progress } from '../../../src/cli/output';
import type { CommandPort } from '../../../src/cli/port';

const portOf = (over: Partial<CommandPort>): CommandPort => over as CommandPort;

describe('output', () => {
  it('is written in pieces of about 64 KiB, and the rest when asked', async () => {
    const written: number[] = [];
    const output = new Output(portOf({ out: async (bytes) => written.push(bytes.length) > 0 }));
    for (let i = 0; i < 3_000; i++) await output.line('x'.repeat(63));
    expect(written.every((length) => length >= 65_536 && length < 65_700)).toBe(true);
    await output.flush();
    await output.flush();
    expect(written.reduce((sum, length) => sum + length)).toBe(3_000 * 64);
  });

  it('ends where nobody reads', async () => {
    const output = new Output(portOf({ out: async () => false }));
    await output.line('x');
    await expect(output.flush()).rejects.toBeInstanceOf(NobodyReads);
  });
});

describe('progress', () => {
  it('is shown after half a second, ten times a second, on a terminal, and taken away', () => {
    let now = 0;
    let said = '';
    const shown = (terminal: boolean): string => {
      [now, said] = [0, ''];
      const progress = new Progress(
        portOf({
          now: () => now,
          err: (text) => {
            said += text;
          },
          isTerminal: { err: terminal, out: false },
        }),
      );
      for (; now < 1_000; now += 20) progress.at(now, 2_000);
      progress.end();
      progress.end();
      return said;
    };
    expect(shown(true).match(/records of 2,000/g)).toHaveLength(5);
    expect(shown(true).endsWith('\r\u001b[K')).toBe(true);
    expect(shown(false)).toBe('');
  });
});
