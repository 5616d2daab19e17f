/**
 * The suite that every sink passes, for the ones in the package and for yours: what becomes of each event, whatever the
 * destination does.
 *
 * Relies on: the types of the plugs; a destination that can be told how to answer. Refuses: to know a sink, the clock, and
 * a test runner.
 *
 * @example
 * import { conformSink } from 'tracehound/conformance';
 *
 * const reports = await conformSink(async () => {
 *   const server = await myTestServer();
 *   return { sink: mySink({ url: server.url }), destination: server };
 * });
 */
import type { LogEvent, Sent, Sink } from '../../src/types/index';
import { same, that, written } from './assert';
import type { Held } from './hold';

/** How the destination answers from now on. */
export type Answer =
  /** It takes everything. */
  | 'takes'
  /** It refuses the events of these ids for good, and takes the others. */
  | { readonly refuses: readonly string[] }
  /** It takes nothing now, and says for how many seconds. */
  | { readonly overloadedSeconds: number }
  /** It fails as a server does that is broken. */
  | 'fails'
  /** It is not there. */
  | 'gone'
  /** It takes the request and never answers. */
  | 'silent';

/** What is on the other side of a sink. */
export interface Destination {
  answer(how: Answer): void | Promise<void>;
  /** Ids of the events that it took, in their order. */
  received(): readonly string[] | Promise<readonly string[]>;
}

/** What a case gets: a fresh sink, before a fresh destination that takes everything. */
export interface SinkStage {
  readonly sink: Sink;
  readonly destination: Destination;
}

type Part = 'batch' | 'refused' | 'failure' | 'abort';

const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

/** Events as a log makes them: frozen, all kinds of fields. */
function events(count: number, from = 0): LogEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const seq = from + i;
    return Object.freeze({
      id: `example.org/log#${seq}`,
      origin: 'example.org/log',
      seq,
      kind: 'QUARANTINED',
      at: 1_760_000_000_000 + seq,
      severity: SEVERITIES[seq % 4]!,
      category: 'sqli',
      count: 1,
      disposition: 'refused',
      sourceTag: 'ab'.repeat(32),
      evidence: '0199f0c5-0000-7000-8000-000000000000',
      detail: Object.freeze({ rule: '942100', reason: '€ "quoted"\nand broken' }),
    } satisfies LogEvent);
  });
}

const ids = (of: readonly { readonly id: string }[]): string[] => of.map(({ id }) => id);
const never = (): AbortSignal => new AbortController().signal;

/** Sends, and holds the answer to what every answer must be: each event in one list, and none that was not given. */
async function sent(sink: Sink, batch: readonly LogEvent[], signal = never()): Promise<Sent> {
  let answer: Sent;
  try {
    answer = await sink.send(batch, signal);
  } catch {
    throw new Error('an answer in place of an error: expected the three lists, got a rejection');
  }
  const all = [...answer.accepted, ...answer.retry, ...ids(answer.rejected)];
  same([...all].sort(), ids(batch).sort(), 'every event in exactly one list');
  return answer;
}

/** Nothing arrived, nothing is lost. */
function allToRetry(answer: Sent, batch: readonly LogEvent[], what: string): void {
  same([...answer.retry].sort(), ids(batch).sort(), what);
}

const batches: Held<SinkStage, Part>[] = [
  {
    part: 'batch',
    promise: 'has a name and says how large a batch may be',
    run: async ({ sink }) => {
      that(typeof sink.name === 'string' && sink.name !== '', 'a sink has a name');
      that(Number.isSafeInteger(sink.maxBatchBytes) && sink.maxBatchBytes > 0, 'maxBatchBytes is a positive integer');
      that(
        Number.isSafeInteger(sink.maxBatchEvents) && sink.maxBatchEvents > 0,
        'maxBatchEvents is a positive integer',
      );
    },
  },
  {
    part: 'batch',
    promise: 'accepts what has arrived, in its order',
    run: async ({ sink, destination }) => {
      const batch = events(5);
      same((await sent(sink, batch)).accepted, ids(batch), 'what is accepted of a batch');
      same(await destination.received(), ids(batch), 'what has arrived of a batch');
    },
  },
  {
    part: 'batch',
    promise: 'takes a batch of one and a batch of none',
    run: async ({ sink, destination }) => {
      const [one] = events(1);
      same((await sent(sink, [one!])).accepted, [one!.id], 'what is accepted of a batch of one');
      await sent(sink, []);
      same(await destination.received(), [one!.id], 'what has arrived of both');
    },
  },
  {
    part: 'batch',
    promise: 'takes the largest batch that it says it takes',
    run: async ({ sink, destination }) => {
      const batch = events(Math.min(sink.maxBatchEvents, 500));
      same((await sent(sink, batch)).accepted.length, batch.length, 'how much of the largest batch is accepted');
      same((await destination.received()).length, batch.length, 'how much of the largest batch has arrived');
    },
  },
  {
    part: 'batch',
    promise: 'keeps two batches apart that are sent at once',
    run: async ({ sink, destination }) => {
      const [left, right] = [events(3), events(3, 3)];
      await Promise.all([sent(sink, left), sent(sink, right)]);
      same(
        [...(await destination.received())].sort(),
        ids([...left, ...right]).sort(),
        'what has arrived of two batches',
      );
    },
  },
  {
    part: 'batch',
    promise: 'sends an event again under the same id, and changes none',
    run: async ({ sink, destination }) => {
      const batch = events(2);
      const before = written(batch);
      await sent(sink, batch);
      await sent(sink, batch);
      same(await destination.received(), [...ids(batch), ...ids(batch)], 'the ids of events that are sent twice');
      same(written(batch), before, 'events after they were sent');
    },
  },
];

const failures: Held<SinkStage, Part>[] = [
  {
    part: 'refused',
    promise: 'says which events the destination refuses for good, and why, and accepts the others',
    run: async ({ sink, destination }) => {
      const batch = events(4);
      const poison = batch[1]!.id;
      await destination.answer({ refuses: [poison] });
      let { accepted, retry, rejected } = await sent(sink, batch);
      // Where a destination judges whole batches, a sink may find the culprit in a second try, not in a tenth.
      if (retry.length > 0) {
        const again = await sent(
          sink,
          batch.filter(({ id }) => retry.includes(id)),
        );
        accepted = [...accepted, ...again.accepted];
        rejected = [...rejected, ...again.rejected];
      }
      same(ids(rejected), [poison], 'what is rejected');
      same(
        [...accepted].sort(),
        ids(batch).filter((id) => id !== poison),
        'what is accepted beside it',
      );
      that(
        rejected.every(({ reason }) => typeof reason === 'string' && reason !== ''),
        'what is rejected has a reason',
      );
      same(new Set(await destination.received()).size, 3, 'what has arrived beside it');
    },
  },
  {
    part: 'failure',
    promise: 'keeps everything to be sent again when the destination is overloaded, and says how long to wait',
    run: async ({ sink, destination }) => {
      const batch = events(3);
      await destination.answer({ overloadedSeconds: 7 });
      const answer = await sent(sink, batch);
      allToRetry(answer, batch, 'what is to be sent again to an overloaded destination');
      same(answer.retryAfterMs, 7_000, 'how long an overloaded destination is left alone');
      await destination.answer('takes');
      same((await sent(sink, batch)).accepted, ids(batch), 'what is accepted when the overload is over');
    },
  },
  {
    part: 'failure',
    promise: 'keeps everything to be sent again when the destination fails or is not there',
    run: async ({ sink, destination }) => {
      const batch = events(3);
      await destination.answer('fails');
      allToRetry(await sent(sink, batch), batch, 'what is to be sent again to a destination that fails');
      await destination.answer('gone');
      allToRetry(await sent(sink, batch), batch, 'what is to be sent again to a destination that is not there');
      await destination.answer('takes');
      same((await sent(sink, batch)).accepted, ids(batch), 'what is accepted when the destination is back');
    },
  },
  {
    part: 'abort',
    promise: 'stops when it is told to, and keeps everything to be sent again',
    run: async ({ sink, destination }) => {
      const batch = events(3);
      await destination.answer('silent');
      const controller = new AbortController();
      const sending = sent(sink, batch, controller.signal);
      controller.abort();
      allToRetry(await sending, batch, 'what is to be sent again after an abort');
      await destination.answer('takes');
      allToRetry(
        await sent(sink, batch, AbortSignal.abort()),
        batch,
        'what is to be sent again when it was aborted before',
      );
      same(await destination.received(), [], 'what has arrived of aborted batches');
    },
  },
];

/** What every sink promises. */
export const SINK_CASES: readonly Held<SinkStage, Part>[] = [...batches, ...failures];
