import { setBounded } from '@oa/mechanisms';
import { isExpired, type Token, type TokenSourceOptions } from '@oa/types';
import type { Context } from './context.ts';
import type { Credentials, Target } from './credentials.ts';
import { isBoundAsWanted, MAX_EARLY_LEEWAYS } from './freshness.ts';
import type { Session } from './session.ts';

/** Where the tokens of recent calls are: the next call with the same issuer and credentials opens no session while its token is fresh in memory. */
export interface Recalls {
  find: (target: Target, credentials: Credentials) => Recall | undefined;
  add: (target: Target, credentials: Credentials, session: Session) => void;
}

/** A call, and where its token is. */
export interface Recall {
  target: string;
  credentials: SimpleCredentials;
  /** How many members the credentials have. */
  size: number;
  key: string;
  issuer: string;
}

/** Credentials that have no other members, and only texts. */
type SimpleCredentials = Pick<Credentials, (typeof SIMPLE_MEMBERS)[number]>;

const SIMPLE_MEMBERS = [
  'grant_type',
  'client_id',
  'client_secret',
  'scope',
  'resource',
  'audience',
  'profile',
] as const;
const MAX_RECALLS = 10_000;

export function createRecalls(): Recalls {
  const recalls = new Map<string, Recall>();
  /** Most programs ask for one token, again and again. */
  let last: Recall | undefined;
  return {
    find(target, credentials) {
      if (last !== undefined && isRecallOf(last, target, credentials)) return last;
      if (typeof target !== 'string') return undefined;
      const recall = recalls.get(toIndex(target, credentials));
      if (recall === undefined || !isRecallOf(recall, target, credentials)) return undefined;
      last = recall;
      return recall;
    },
    add(target, credentials, { key, issuer }) {
      // A resource can move to another issuer.
      if (typeof target !== 'string' || SIMPLE_MEMBERS.some((name) => !isTextOrAbsent(credentials[name]))) return;
      const simple = Object.fromEntries(SIMPLE_MEMBERS.map((name) => [name, credentials[name]])) as SimpleCredentials;
      const recall = { target, credentials: simple, size: countMembers(credentials), key, issuer };
      // Some other member is set.
      if (!isRecallOf(recall, target, credentials)) return;
      last = recall;
      setBounded(recalls, toIndex(target, credentials), recall, MAX_RECALLS);
    },
  };
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** Not exact: the call that it leads to is compared. */
function toIndex(target: string, credentials: Credentials): string {
  const { client_id, scope, resource, profile } = credentials ?? {};
  return `${target} ${client_id} ${scope} ${String(resource)} ${profile}`;
}

function countMembers(credentials: Credentials): number {
  let count = 0;
  for (const _ in credentials) count += 1;
  return count;
}

/**
 * Whether a call has the same target and credentials. Members are compared by name, because a class can have them in its prototype, and
 * the caller may have changed the object.
 */
export function isRecallOf(recall: Recall, target: Target, credentials: Credentials): boolean {
  const known = recall.credentials;
  return (
    recall.target === target &&
    typeof credentials === 'object' &&
    credentials !== null &&
    known.grant_type === credentials.grant_type &&
    known.client_id === credentials.client_id &&
    known.client_secret === credentials.client_secret &&
    known.scope === credentials.scope &&
    known.resource === credentials.resource &&
    known.audience === credentials.audience &&
    known.profile === credentials.profile &&
    credentials.grant === undefined &&
    credentials.assertion === undefined &&
    credentials.subject_token === undefined &&
    credentials.token_endpoint_auth_method === undefined &&
    credentials.authentication === undefined &&
    credentials.redirect_uris === undefined &&
    credentials.additionalScope === undefined &&
    credentials.furtherResources === undefined &&
    credentials.authorization_details === undefined &&
    credentials.parameters === undefined &&
    credentials.refreshParameters === undefined &&
    // A member that does not exist is a TypeError.
    recall.size === countMembers(credentials)
  );
}

/**
 * The token of an earlier call, if it is in memory and no renewal of it is due for the next minutes.
 *
 * @returns `undefined` if the session must be opened
 */
export function peekToken(context: Context, { key, issuer }: Recall): Token | undefined {
  const token = context.tokens.peek(key);
  if (token === undefined || (token.expires_in ?? 1) <= 0 || !isBoundAsWanted(context, token)) return undefined;
  if (isExpired(token, { leeway: context.leeway * MAX_EARLY_LEEWAYS, now: context.now })) return undefined;
  context.emit({ type: 'cache_hit', issuer });
  return token;
}

/** Whether a call asks for nothing but the token. */
export function isPlain(wanted: TokenSourceOptions | undefined): boolean {
  if (wanted === undefined) return true;
  if (wanted === null) return false;
  const { signal, interaction } = wanted;
  return (
    (signal === undefined || (signal instanceof AbortSignal && !signal.aborted)) &&
    (interaction === undefined || interaction === 'never') &&
    wanted.rejected === undefined &&
    wanted.minimumValidity === undefined &&
    wanted.scope === undefined &&
    wanted.challenge === undefined &&
    wanted.stored === undefined &&
    wanted.acr_values === undefined &&
    wanted.max_age === undefined
  );
}
