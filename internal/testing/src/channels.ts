import { subscribe, unsubscribe } from 'node:diagnostics_channel';

const TRACING_CHANNELS = ['oa:get', 'oa:refresh', 'oa:login', 'oa:request', 'oa:lock'];
const STAGES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

/** A message of a diagnostics channel, as it was when it was published. */
export interface PublishedMessage {
  /** Such as `oa:get`. */
  channel: string;
  /** Such as `asyncEnd`. */
  stage: string;
  message: Record<string, unknown>;
}

/** What the tracing channels of the packages have published. */
export interface ChannelObserver {
  published: PublishedMessage[];
  /** The messages of all operations of a channel that have ended, in this order. */
  endsOf: (channel: string) => Record<string, unknown>[];
  [Symbol.dispose](): void;
}

/** Subscribes to all tracing channels of the packages, until it is disposed. */
export function observeChannels(): ChannelObserver {
  const published: PublishedMessage[] = [];
  const listeners = TRACING_CHANNELS.flatMap((channel) =>
    STAGES.map((stage) => {
      const listener = (message: unknown): number =>
        published.push({ channel, stage, message: { ...(message as object) } });
      return [`tracing:${channel}:${stage}`, listener] as const;
    }),
  );
  for (const [name, listener] of listeners) subscribe(name, listener);
  return {
    published,
    endsOf: (channel) =>
      published.filter((one) => one.channel === channel && one.stage === 'asyncEnd').map(({ message }) => message),
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) unsubscribe(name, listener);
    },
  };
}
