/**
 * A process with a store, for tests that need more than one: `<folder> count <n>`, `<folder> create <n>`, or
 * `<folder> die <step> <act>`, which sends itself SIGKILL before that step of the act.
 *
 * Relies on: being bundled (test/src/stores/fs-processes.test.ts). Prints one line of JSON.
 */
import { fsStore } from '../../runtimes/node/fs-store';
import { steppedFs } from './fs-port';
import { acts } from './store-acts';

const [folder = '', mode, number = '', act = ''] = process.argv.slice(2);

if (mode === 'count') {
  const store = fsStore(folder);
  let conflicts = 0;
  for (let i = 0; i < Number(number); ) {
    const before = await store.get('counter');
    const next = new TextEncoder().encode(String(Number(new TextDecoder().decode(before ?? new Uint8Array(0))) + 1));
    if ((await store.swap('counter', next, before)) === 'swapped') i++;
    else conflicts++;
  }
  console.log(JSON.stringify({ conflicts }));
} else if (mode === 'create') {
  const store = fsStore(folder);
  const mine = new TextEncoder().encode(`${process.pid} `.repeat(500));
  const created: number[] = [];
  for (let i = 0; i < Number(number); i++) {
    if ((await store.putIfAbsent(`tile/0/${i}`, mine)) === 'created') created.push(i);
  }
  console.log(JSON.stringify({ pid: process.pid, created }));
} else if (mode === 'die') {
  const fs = steppedFs((step) => {
    if (step === Number(number)) process.kill(process.pid, 'SIGKILL');
  });
  await acts[act]!.run(fsStore(folder, { fs }));
  console.log(JSON.stringify({ steps: fs.steps }));
}
