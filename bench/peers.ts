import type { JobName } from './jobs.ts';

/** A library that is measured. */
export interface Peer {
  /** The name of its file in `adapters/`. */
  adapter: string;
  /** The packages that the adapter imports, the first of which gives it its name. */
  packages: string[];
  /** Why it can't do a job. */
  lacks: Partial<Record<JobName, string>>;
}

const NO_LISTING = { list: 'keeps no list of tokens' };
const ONE_TOKEN = {
  'one-more': 'one token in one file of the caller',
  'one-more-of-many': 'one token in one file of the caller',
  ...NO_LISTING,
};
const NO_LOCK = { wait: 'no lock between processes' };
const ONE_WAY = { source: 'the same as get' };
const NO_TOKENS = {
  fresh: 'keeps no tokens',
  get: 'keeps no tokens',
  source: 'keeps no tokens',
  'one-more': 'keeps no tokens',
  'one-more-of-many': 'keeps no tokens',
  ...NO_LISTING,
  ...NO_LOCK,
};

/** The floor: the platform without a library. */
export const FLOOR: Peer = { adapter: 'fetch', packages: [], lacks: { import: 'nothing to import' } };

export const PEERS: Peer[] = [
  { adapter: 'oa', packages: ['@oa/manager'], lacks: {} },
  FLOOR,
  { adapter: 'ky', packages: ['ky'], lacks: { ...NO_TOKENS, login: 'knows HTTP only', stampede: 'knows HTTP only' } },
  { adapter: 'oauth4webapi', packages: ['oauth4webapi'], lacks: NO_TOKENS },
  { adapter: 'openid-client', packages: ['openid-client'], lacks: NO_TOKENS },
  { adapter: 'badgateway', packages: ['@badgateway/oauth2-client'], lacks: { ...ONE_TOKEN, ...NO_LOCK, ...ONE_WAY } },
  { adapter: 'simple-oauth2', packages: ['simple-oauth2'], lacks: { ...ONE_TOKEN, ...NO_LOCK, ...ONE_WAY } },
  {
    adapter: 'google',
    packages: ['google-auth-library'],
    lacks: {
      ...ONE_TOKEN,
      ...NO_LOCK,
      ...ONE_WAY,
      cold: 'no client credentials grant',
      grant: 'no client credentials grant',
    },
  },
  {
    adapter: 'mcp',
    packages: ['@modelcontextprotocol/client'],
    lacks: { ...NO_TOKENS, fresh: 'does not know when a token expires', get: 'does not know when a token expires' },
  },
  {
    adapter: 'msal',
    packages: ['@azure/msal-node', '@azure/msal-node-extensions'],
    lacks: {
      ...ONE_WAY,
      ...NO_LISTING,
      wait: 'its lock does not cover the request',
      'one-more': 'one file for all tokens',
      'one-more-of-many': 'one file for all tokens',
    },
  },
];
