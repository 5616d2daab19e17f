/**
 * What the file store must do wherever there is a disk: everything once, and eight who count together. It runs inside the
 * engine and reports.
 *
 * Relies on: the packed `tracehound/stores/fs`, passed in. Refuses: to judge.
 */
import type { LogStore } from '../../src/types/ports';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (of: Uint8Array | undefined): string | undefined => of && new TextDecoder().decode(of);

export async function storing(store: LogStore): Promise<unknown[]> {
  const countUp = async (): Promise<void> => {
    for (;;) {
      const before = await store.get('counter');
      if ((await store.swap('counter', bytes(String(Number(text(before) ?? 0) + 1)), before)) === 'swapped') return;
    }
  };
  const code = (error: unknown): unknown => (error as { code?: unknown }).code ?? (error as Error).name;
  const said = [
    await store.putIfAbsent('log/tile/0/000', bytes('a')),
    await store.putIfAbsent('log/tile/0/000', bytes('b')),
    text(await store.get('log/tile/0/000')),
    text(await store.get('log/tile/0/001')),
    await store.swap('log/checkpoint', bytes('1'), undefined),
    await store.swap('log/checkpoint', bytes('2'), undefined),
    await store.swap('log/checkpoint', bytes('2'), bytes('1')),
    await store.swap('log/checkpoint', bytes('3'), bytes('1')),
    await store.swap('log/checkpoint', bytes('3'), bytes('2')),
    text(await store.get('log/checkpoint')),
    await store.putIfAbsent('log/tile/0/000/x', bytes('a')).catch(code),
    await store.get('../x').catch(code),
  ];
  await Promise.all(Array.from({ length: 8 }, countUp));
  return [...said, text(await store.get('counter'))];
}
