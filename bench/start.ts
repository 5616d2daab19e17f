/**
 * Coming up: from nothing to an answering instance, each time in a fresh process.
 *
 * Relies on: the loader that is published. Refuses: warm numbers for a cold start; V8 compiles lazily, so the first
 * `init` also pays for compiling it. A second instance in one process is not measured: V8 then collects garbage in the
 * middle of `init`, because memory that is reserved counts for it as memory that is used.
 */
import { hire } from './child.ts';
import { type Figure, median, type Task } from './measure.ts';
import { subject } from './subject.ts';

interface Start {
  /** `instantiate()` of the loader: decode, compile, link. */
  readonly link: number;
  readonly init: number;
  /** From `createTracehound` to the first verdict. */
  readonly whole: number;
}

async function freshRole() {
  const { createTracehound, node } = await subject();
  /** Brings up one instance of default configuration; ms of wall time. */
  const start = (): Start => {
    let link = 0;
    let init = 0;
    const began = performance.now();
    const th = createTracehound({
      runtime: {
        ...node,
        core: () => {
          const before = performance.now();
          const { exports } = node.core();
          link = performance.now() - before;
          const inner = exports.init as () => void;
          return {
            exports: {
              ...exports,
              init: () => {
                const initBefore = performance.now();
                inner();
                init = performance.now() - initBefore;
              },
            },
          };
        },
      },
    });
    th.intercept({ source: '203.0.113.7' });
    return { link, init, whole: performance.now() - began };
  };
  return {
    cold: start,
    /** Compiled before, as in an isolate whose module outlives it. */
    compiled: (): Start => {
      node.core();
      return start();
    },
  };
}

export const roles = { fresh: freshRole };

export async function start(task: Task): Promise<Figure[]> {
  const processes = task.size === 'full' ? 15 : 1;
  const cold: Start[] = [];
  const compiled: Start[] = [];
  for (let i = 0; i < processes; i++) {
    for (const [name, starts] of [
      ['cold', cold],
      ['compiled', compiled],
    ] as const) {
      const fresh = await hire<typeof freshRole>('full', import.meta.url, 'fresh', undefined);
      starts.push(await fresh.ask(name));
      await fresh.dismiss();
    }
  }
  const ms = (starts: readonly Start[], of: (start: Start) => number): number => median(starts.map(of));
  return [
    {
      id: 'start.compile',
      what: 'start, fresh process: compile + instantiate + init',
      value: ms(cold, ({ link, init }) => link + init),
      unit: 'ms',
    },
    {
      id: 'start.instantiate',
      what: 'start, compiled before: instantiate + init',
      value: ms(compiled, ({ link, init }) => link + init),
      unit: 'ms',
    },
    {
      id: 'start.first',
      what: 'start, fresh process: createTracehound to the first verdict',
      value: ms(cold, ({ whole }) => whole),
      unit: 'ms',
    },
  ];
}
