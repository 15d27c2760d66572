import { inspect } from 'node:util';
import { createManager, type Manager, type ManagerOptions } from '@oa/manager';
import { isOAuthError, type OAuthEvent, type Result, type Token } from '@oa/types';
import { encryptedStores } from './encryption.ts';

/** What a user does with a program. */
export type StoryName = 'refresh' | 'first store' | 'registration' | 'logout';

/** How one part of a story ended. */
export interface Ending {
  /** `ok`, the code of an OAuthError, or `RAW` and the text of another error. */
  outcome: string;
  message: string;
  /** The types of the events. */
  events: string[];
  /** Everything that was shown: the error, as a log shows it, and the events. */
  shown: string;
  /** What the caller got. */
  access_token?: string | undefined;
}

type Part = 'before' | 'act' | 'again' | 'next';

/** A token has expired by then, and a client has not. */
const LATER_MS = 2 * 3_600_000;
/** A process that shares its machine with a hundred others is slow. */
const MAX_PART_MS = 120_000;

interface Story {
  /** What has happened already. */
  before?: (issuer: string, manager: Manager) => Promise<Result<Token>>;
  act: (issuer: string, manager: Manager) => Promise<Result<unknown>>;
  /** The options of the healthy process that comes afterwards. */
  next: ManagerOptions;
  /** How much time passes after `before`, in milliseconds. */
  later: number;
}

const stories: Record<StoryName, Story> = {
  refresh: {
    before: (issuer, manager) => manager.get(issuer, {}),
    act: (issuer, manager) => manager.get(issuer, {}),
    next: { interaction: 'never' },
    later: LATER_MS,
  },
  'first store': {
    act: (issuer, manager) => manager.get(issuer, { client_id: 'c', client_secret: 'cs-s3cret' }),
    next: { interaction: 'never' },
    later: 0,
  },
  registration: {
    act: (issuer, manager) => manager.get(issuer, {}),
    next: {},
    later: 0,
  },
  logout: {
    before: (issuer, manager) => manager.get(issuer, {}),
    act: (issuer, manager) => manager.logout(issuer, {}),
    next: {},
    later: 0,
  },
};

export const storyNames = Object.keys(stories) as StoryName[];

/** The parts of one story in this process. A user is there, and logs in at once. */
export interface Telling {
  /** Does one part. `again` uses the manager of `act`, as a program that goes on does; the others have one of their own. */
  tell: (part: Part) => Promise<Ending>;
}

/** Creates the {@link Telling} of `name` at `issuer`. The directories are those of the environment. `acting`: options of the act. */
export function createTelling(name: StoryName, issuer: string, acting: ManagerOptions = {}): Telling {
  const story = stories[name];
  let events: OAuthEvent[] = [];
  const create = (part: Part): Manager => {
    const offset = part === 'before' ? 0 : story.later;
    return createManager({
      app: 'faults',
      ...encryptedStores('faults'),
      interaction: 'always',
      login: { openBrowser: visit, print: () => undefined, paste: false, timeout: 5000, redirectHost: '127.0.0.1' },
      now: () => Date.now() + offset,
      onEvent: (event) => events.push(event),
      ...(part === 'next' ? story.next : {}),
      ...(part === 'act' ? acting : {}),
    });
  };
  let actor: Manager | undefined;

  async function tell(part: Part): Promise<Ending> {
    events = [];
    const manager = part === 'again' ? (actor ?? create(part)) : create(part);
    if (part === 'act') actor = manager;
    const run = part === 'before' ? story.before : story.act;
    const ended = await endOf(async () => run?.(issuer, manager));
    const types = events.map(({ type }) => type);
    return { ...ended, events: types, shown: `${ended.shown}\n${JSON.stringify(events)}` };
  }

  return { tell };
}

async function endOf(run: () => Promise<Result<unknown> | undefined>): Promise<Omit<Ending, 'events'>> {
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(new Error(`not settled in ${MAX_PART_MS} ms`)), MAX_PART_MS);
  try {
    const result = await Promise.race([run(), timer.promise]);
    if (result === undefined || result.ok)
      return { outcome: 'ok', message: '', shown: '', access_token: accessTokenOf(result?.value) };
    const { error } = result;
    return { outcome: error.code, message: error.message, shown: show(error) };
  } catch (error) {
    const outcome = `RAW ${isOAuthError(error) ? error.code : String(error)}`;
    return { outcome, message: String(error), shown: show(error) };
  } finally {
    clearTimeout(timeout);
  }
}

function accessTokenOf(value: unknown): string | undefined {
  return typeof value === 'object' ? (value as Token).access_token : undefined;
}

function show(error: unknown): string {
  return [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error)].join('\n');
}

/** Does what a browser does with a login page that sends the user back at once. */
async function visit(url: string): Promise<void> {
  await fetch(url).then(
    (response) => response.arrayBuffer(),
    () => undefined,
  );
}
