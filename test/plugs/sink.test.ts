/**
 * Guards the suite of sinks (`test/conformance/sink.ts`), over real HTTP on loopback: a sink that accounts for every event
 * passes, and for each assertion there is a sink with one fault that it finds.
 */
import { afterEach, describe } from 'vitest';
import type { LogEvent, Sent, Sink } from '../../src/index';
import { SINK_CASES } from '../conformance/sink';
import { type LabDestination, sinkStage } from '../lab/lab-sink';
import { suite } from '../lab/suite';
import { eachFails } from './broken';

const open: LabDestination[] = [];
afterEach(() => {
  for (const destination of open.splice(0)) destination.close();
});

type Faults = (sink: Sink, destination: LabDestination) => Partial<Sink>;
const stage = async (faults?: Faults) => {
  const made = await sinkStage(faults);
  open.push(made.destination);
  return made;
};
const broken = (faults: Faults) => () => stage(faults);
/** Another answer than is right. */
const telling = (change: (sent: Sent, events: readonly LogEvent[]) => Partial<Sent>) =>
  broken((sink) => ({
    send: async (events, signal) => {
      const sent = await sink.send(events, signal);
      return { ...sent, ...change(sent, events) };
    },
  }));
/** Other events than were given, and the answer of those that were. */
const sending = (change: (events: readonly LogEvent[]) => readonly LogEvent[]) =>
  broken((sink) => ({
    send: async (events, signal) => {
      const sent = await sink.send(change(events), signal);
      return sent.retry.length > 0 ? sent : { ...sent, accepted: events.map(({ id }) => id) };
    },
  }));
const idsOf = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);
/** What is to be sent again is given up, when `when` says so. */
const givingUp = (when: (sent: Sent, failures: number) => boolean) =>
  broken((sink) => {
    let failures = 0;
    return {
      send: async (events, signal) => {
        const sent = await sink.send(events, signal);
        if (sent.retry.length === 0 || !when(sent, failures++)) return sent;
        return { accepted: [], retry: [], rejected: sent.retry.map((id) => ({ id, reason: 'given up' })) };
      },
    };
  });
/** After a failure nothing is taken any more. */
const sulking = (after: (sent: Sent) => boolean) =>
  broken((sink) => {
    let sulks = false;
    return {
      send: async (events, signal) => {
        if (sulks) return { accepted: [], retry: idsOf(events), rejected: [] };
        const sent = await sink.send(events, signal);
        sulks = after(sent);
        return sent;
      },
    };
  });

const batches = {
  'a sink has a name': broken(() => ({ name: '' })),
  'maxBatchBytes is a positive integer': broken(() => ({ maxBatchBytes: Number.POSITIVE_INFINITY })),
  'maxBatchEvents is a positive integer': broken(() => ({ maxBatchEvents: 0 })),
  'an answer in place of an error: expected the three lists, got a rejection': broken((sink) => ({
    send: async (events, signal) => {
      const sent = await sink.send(events, signal);
      if (sent.retry.length > 0) throw new Error('failed');
      return sent;
    },
  })),
  'every event in exactly one list': telling(({ accepted }) => ({ accepted: accepted.slice(1) })),
  'what is accepted of a batch': telling(({ accepted }) => ({ accepted: [], retry: accepted })),
  'what has arrived of a batch': sending((events) => [...events].reverse()),
  'what is accepted of a batch of one': telling(({ accepted, retry }) =>
    accepted.length === 1 ? { accepted: [], retry: accepted } : { accepted, retry },
  ),
  'what has arrived of both': sending((events) => (events.length === 1 ? [] : events)),
  'how much of the largest batch is accepted': telling(({ accepted }) =>
    accepted.length < 50 ? {} : { accepted: [], retry: accepted },
  ),
  'how much of the largest batch has arrived': sending((events) => events.slice(0, 50)),
  'what has arrived of two batches': broken((sink) => {
    // One batch under way: the second call joins the first, and only the first is sent.
    let under: Promise<unknown> | undefined;
    return {
      send: async (events, signal) => {
        if (under !== undefined) {
          await under;
          return { accepted: idsOf(events), retry: [], rejected: [] };
        }
        const sent = sink.send(events, signal);
        under = sent;
        await sent;
        under = undefined;
        return sent;
      },
    };
  }),
  'the ids of events that are sent twice': broken((sink) => {
    const seen = new Set<string>();
    return {
      send: async (events, signal) => {
        const sent = await sink.send(
          events.map((event) => (seen.has(event.id) ? { ...event, id: `${event.id}+` } : event)),
          signal,
        );
        for (const { id } of events) seen.add(id);
        return { ...sent, accepted: sent.accepted.map((id) => id.replace('+', '')) };
      },
    };
  }),
  'events after they were sent': broken((sink) => ({
    send: async (events, signal) => {
      const sent = await sink.send(events, signal);
      if (events.length > 1) (events as LogEvent[])[0] = { ...events[0]!, count: 2 };
      return sent;
    },
  })),
};

const failures = {
  'what is rejected': telling(({ accepted, rejected }) => ({
    accepted: [...accepted, ...idsOf(rejected)],
    rejected: [],
  })),
  'what is accepted beside it': telling(({ accepted, retry }) => ({
    accepted: accepted.filter((id) => !id.endsWith('#0')),
    retry: [...retry, ...accepted.filter((id) => id.endsWith('#0'))],
  })),
  'what is rejected has a reason': telling(({ rejected }) => ({
    rejected: rejected.map(({ id }) => ({ id, reason: '' })),
  })),
  'what has arrived beside it': broken((sink) => ({
    send: async (events, signal) => {
      const left = events.length === 4 ? events.slice(0, 3) : events;
      const sent = await sink.send(left, signal);
      return { ...sent, accepted: [...sent.accepted, ...idsOf(events.slice(left.length))] };
    },
  })),
  'what is to be sent again to an overloaded destination': givingUp(({ retryAfterMs }) => retryAfterMs !== undefined),
  'how long an overloaded destination is left alone': telling(({ retryAfterMs }) =>
    retryAfterMs === undefined ? {} : { retryAfterMs: retryAfterMs / 1_000 },
  ),
  'what is accepted when the overload is over': sulking(({ retryAfterMs }) => retryAfterMs !== undefined),
  'what is to be sent again to a destination that fails': givingUp(({ retryAfterMs }) => retryAfterMs === undefined),
  'what is to be sent again to a destination that is not there': givingUp((_, failed) => failed === 1),
  'what is accepted when the destination is back': sulking(({ retry }) => retry.length > 0),
  'what is to be sent again after an abort': broken((sink) => ({
    send: async (events, signal) => {
      const sent = await sink.send(events, signal);
      return signal.aborted ? { accepted: idsOf(events), retry: [], rejected: [] } : sent;
    },
  })),
  'what is to be sent again when it was aborted before': broken((sink) => ({
    send: async (events, signal) => {
      if (signal.aborted) return { accepted: idsOf(events), retry: [], rejected: [] };
      return sink.send(events, signal);
    },
  })),
  'what has arrived of aborted batches': broken((sink) => ({
    send: async (events, signal) => {
      if (!signal.aborted) return sink.send(events, signal);
      await sink.send(events, new AbortController().signal);
      return { accepted: [], retry: idsOf(events), rejected: [] };
    },
  })),
};

describe('the suite of sinks', () => {
  suite('passes a sink that accounts for every event', () => stage(), SINK_CASES);

  eachFails(['sink.ts'], SINK_CASES, { ...batches, ...failures });
});
