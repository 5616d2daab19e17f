/**
 * Work in fresh processes. A benchmark hires one child per contender; each keeps its own heap, and the parent lets them
 * work in turns.
 *
 * Relies on: node:child_process. Refuses: to run two children at once; a parent asks one, waits, asks the next.
 * This file is also what a child runs: it loads the module it is told, and serves the desk that a role opens. The small
 * size of a benchmark stays in one process, except for what weighs the process itself: it proves that everything runs,
 * not how fast.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Size } from './measure.ts';

/** What a child can be asked. Input and answer travel as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: each desk types its own questions
export type Desk = Record<string, (input: any) => unknown>;

/** Opens a desk in a child. */
// biome-ignore lint/suspicious/noExplicitAny: each role types its own order
export type Role = (order: any) => Desk | Promise<Desk>;

export interface Worker<Of extends Role> {
  ask<Name extends keyof Awaited<ReturnType<Of>> & string>(
    name: Name,
    ...input: Parameters<Awaited<ReturnType<Of>>[Name]>
  ): Promise<Awaited<ReturnType<Awaited<ReturnType<Of>>[Name]>>>;
  dismiss(): Promise<void>;
}

/** A desk in this process. */
async function stay<Of extends Role>(url: string, role: string, order: Parameters<Of>[0]): Promise<Worker<Of>> {
  const desk = await open(url, role, order);
  return {
    ask: async (name, ...input) => (await desk[name]!(input[0])) as never,
    dismiss: async () => {},
  };
}

/** Opens the desk `roles[role](order)` of the module at `url`, with the size `full` in a child of its own. */
export async function hire<Of extends Role>(
  size: Size,
  url: string,
  role: string,
  order: Parameters<Of>[0],
): Promise<Worker<Of>> {
  if (size === 'small') return stay<Of>(url, role, order);
  const child = fork(fileURLToPath(import.meta.url), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await request(child, { url, role, order });
  return {
    ask: async (name, ...input) => (await request(child, { name, input: input[0] })) as never,
    dismiss: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

interface Reply {
  readonly answer?: unknown;
  readonly failure?: string;
}

function request(child: ChildProcess, message: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', heard);
      child.off('exit', left);
    };
    const heard = (reply: Reply): void => {
      settle();
      if (reply.failure === undefined) resolve(reply.answer);
      else reject(new Error(`bench child: ${reply.failure}`));
    };
    const left = (code: number | null): void => {
      settle();
      reject(new Error(`bench child: ended with code ${code}, expected an answer to ${JSON.stringify(message)}`));
    };
    child.on('message', heard);
    child.on('exit', left);
    child.send(message);
  });
}

/** Asks every worker in turn, `rounds` times over. Answers by worker, then by round. */
export async function inTurns<W, Answer>(
  workers: readonly W[],
  rounds: number,
  ask: (worker: W, round: number) => Promise<Answer>,
): Promise<Answer[][]> {
  const answers: Answer[][] = workers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, worker] of workers.entries()) answers[index]!.push(await ask(worker, round));
  }
  return answers;
}

/** Two full collections: what a weak reference kept goes with the second. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
}

async function open(url: string, role: string, order: unknown): Promise<Desk> {
  const { roles } = (await import(url)) as { roles: Record<string, Role> };
  return roles[role]!(order);
}

function serve(): void {
  let desk: Desk | undefined;
  process.on('disconnect', () => process.exit(0));
  process.on(
    'message',
    async (message: { url: string; role: string; order: unknown; name: string; input: unknown }) => {
      try {
        let answer: unknown;
        if (desk === undefined) desk = await open(message.url, message.role, message.order);
        else answer = await desk[message.name]!(message.input);
        process.send!({ answer } satisfies Reply);
      } catch (error) {
        process.send!({
          failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
        } satisfies Reply);
      }
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
