import { createDpop, createDpopKey, type Dpop } from '@oa/dpop';
import { decodeJwt } from 'jose';
import { expect, it } from 'vitest';

const NOW_MS = Date.parse('2026-11-27T12:00:00Z');
let port = 1;

/** A server that no other test knows. */
const newUrl = (): string => `https://api.example:${(port += 1)}/things`;

interface Clock {
  dpop: Dpop;
  /** Makes a proof for `url`. */
  prove: (url: string) => Promise<string>;
  /** Milliseconds since the epoch. */
  time: number;
}

async function createClock(): Promise<Clock> {
  const clock = { time: NOW_MS } as Clock;
  clock.dpop = await createDpop(await createDpopKey(), { now: () => clock.time });
  clock.prove = (url) => clock.dpop.proof({ method: 'GET', url });
  return clock;
}

const nonceOf = (proof: string): unknown => decodeJwt(proof)['nonce'];
/** Seconds between the proof and the time of the tests. */
const ageOf = (proof: string): number => (decodeJwt(proof).iat ?? 0) - NOW_MS / 1000;
const dated = (seconds: number, more: Record<string, string> = {}): { headers: Headers } => ({
  headers: new Headers({ date: new Date(NOW_MS + seconds * 1000).toUTCString(), ...more }),
});

it('uses the newest nonce of each origin, also of a success, in every object of the process (RFC 9449 section 8.2)', async () => {
  const [url, other] = [newUrl(), newUrl()];
  const [dpop, later] = [await createDpop(await createDpopKey()), await createDpop(await createDpopKey())];
  const proof = await dpop.proof({ method: 'GET', url });
  expect(nonceOf(proof)).toBeUndefined();
  expect(dpop.learnFrom(proof, { headers: new Headers({ 'dpop-nonce': 'n1' }) })).toBe(true);
  const second = await later.proof({ method: 'POST', url: new URL('/other', url) });
  expect(nonceOf(second)).toBe('n1');
  expect(dpop.learnFrom(second, { headers: new Headers() })).toBe(false);
  expect(dpop.learnFrom(second, { headers: new Headers({ 'dpop-nonce': 'n1' }) })).toBe(false);
  // Another request was first to learn it. A new proof still differs from the refused one.
  expect(dpop.learnFrom(proof, { headers: new Headers({ 'dpop-nonce': 'n1' }) })).toBe(true);
  expect(nonceOf(await dpop.proof({ method: 'GET', url: other }))).toBeUndefined();
});

it.each(['', 'two, nonces', 'a"b', 'a\\b', 'x'.repeat(2001)])('ignores the nonce %j', async (nonce) => {
  const { dpop, prove } = await createClock();
  const url = newUrl();
  expect(dpop.learnFrom(await prove(url), { headers: new Headers({ 'dpop-nonce': nonce }) })).toBe(false);
  expect(nonceOf(await prove(url))).toBeUndefined();
});

it('forgets the oldest of more than 200 origins', async () => {
  const { dpop, prove } = await createClock();
  const urls = Array.from({ length: 201 }, newUrl);
  for (const url of urls) dpop.learnFrom(await prove(url), { headers: new Headers({ 'dpop-nonce': 'n' }) });
  expect(nonceOf(await prove(urls[0] ?? ''))).toBeUndefined();
  expect(nonceOf(await prove(urls[1] ?? ''))).toBe('n');
});

it.each<[string, number, number]>([
  ['an hour ahead', 3600, 3600],
  ['an hour behind', -3600, -3600],
  ['31 seconds ahead', 31, 31],
  ['30 seconds ahead', 30, 0],
  ['30 seconds behind', -30, 0],
])('follows the clock of a server that is %s', async (_, seconds, expected) => {
  const { dpop, prove } = await createClock();
  const url = newUrl();
  const proof = await prove(url);
  expect(ageOf(proof)).toBe(0);
  expect(dpop.learnFrom(proof, dated(seconds))).toBe(expected !== 0);
  const corrected = await prove(url);
  expect(ageOf(corrected)).toBe(expected);
  expect(dpop.learnFrom(corrected, dated(seconds))).toBe(false);
  expect(ageOf(await prove(url))).toBe(expected);
  expect(ageOf(await prove(newUrl()))).toBe(0);
});

it('does not take a slow answer for a wrong clock', async () => {
  const clock = await createClock();
  const url = newUrl();
  const proof = await clock.prove(url);
  clock.time += 120_000;
  // Its date is of any time between the request and its arrival.
  for (const seconds of [-20, 0, 60, 125]) {
    clock.dpop.learnFrom(proof, dated(seconds));
    expect(ageOf(await clock.prove(url))).toBe(120);
  }
});

it('corrects the clock once for two requests at the same time', async () => {
  const { dpop, prove } = await createClock();
  const url = newUrl();
  const proofs = await Promise.all([prove(url), prove(url)]);
  for (const proof of proofs) expect(dpop.learnFrom(proof, dated(-600))).toBe(true);
  expect(ageOf(await prove(url))).toBe(-600);
});

it('follows a clock that is set right again', async () => {
  const clock = await createClock();
  const url = newUrl();
  clock.dpop.learnFrom(await clock.prove(url), dated(600));
  clock.time += 600_000;
  clock.dpop.learnFrom(await clock.prove(url), dated(600));
  expect(ageOf(await clock.prove(url))).toBe(600);
});

it.each([200, 204, 299])(
  'does not follow the clock of a %i: it accepted the proof, and can be of a cache',
  async (status) => {
    const { dpop, prove } = await createClock();
    const url = newUrl();
    dpop.learnFrom(await prove(url), { ...dated(-3600, { 'dpop-nonce': 'n' }), status });
    const proof = await prove(url);
    expect([ageOf(proof), nonceOf(proof)]).toEqual([0, 'n']);
    dpop.learnFrom(proof, { ...dated(-3600), status: 400 });
    expect(ageOf(await prove(url))).toBe(-3600);
  },
);

it.each([{ age: '3600' }, { date: 'yesterday' }])('ignores the date of an answer with %j', async (more) => {
  const { dpop, prove } = await createClock();
  const url = newUrl();
  dpop.learnFrom(await prove(url), dated(-3600, more));
  expect(ageOf(await prove(url))).toBe(0);
});
