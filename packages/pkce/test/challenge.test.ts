import { expect, it } from 'vitest';
import { sha256Base64Url } from '@oa/mechanisms';
import { createPkce } from '@oa/pkce';

it('computes the S256 challenge of RFC 7636 appendix B', async () => {
  expect(await sha256Base64Url('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe(
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  );
  const pkce = await createPkce();
  expect(pkce.code_challenge_method).toBe('S256');
  expect(pkce.code_challenge).toBe(await sha256Base64Url(pkce.code_verifier));
});

it('creates 10,000 different verifiers of 43 unreserved characters, all used evenly (RFC 7636 sections 4.1 and 7.1)', async () => {
  const verifiers = await Promise.all(Array.from({ length: 10_000 }, async () => (await createPkce()).code_verifier));
  expect(new Set(verifiers).size).toBe(10_000);
  expect(verifiers.every((verifier) => /^[A-Za-z0-9_-]{43}$/.test(verifier))).toBe(true);
  // The last character carries 4 bits only. Each of the others is one of 64, which are expected 156 times each; the bounds are 7 sigma away.
  for (let place = 0; place < 42; place++) {
    const counts = new Map<string, number>();
    for (const verifier of verifiers) counts.set(verifier.charAt(place), (counts.get(verifier.charAt(place)) ?? 0) + 1);
    expect(counts.size).toBe(64);
    expect(Math.min(...counts.values())).toBeGreaterThan(70);
    expect(Math.max(...counts.values())).toBeLessThan(250);
  }
});
