import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isBuilt, observeLoading, type Loading } from '@oa-internal/testing';
import { expect, it } from 'vitest';

it('loads only packages of the family, and neither fetch nor a node: module', async () => {
  const { urls, globals } = await observeLoading<Loading>(
    "await import('@oa/device-code'); console.log(JSON.stringify(loading()));",
    fileURLToPath(new URL('.', import.meta.url)),
  );
  const entry = `/device-code/${isBuilt ? 'dist/index.js' : 'src/index.ts'}`;
  expect(urls.some((url) => url.endsWith(entry))).toBe(true);
  expect({ globals, foreign: urls.filter((url) => /node_modules|^node:/.test(url)) }).toEqual({
    globals: [],
    foreign: [],
  });
});

it('is not known to the browser login, which can therefore not turn into a device login (RFC 8628 section 3.1)', () => {
  for (const name of ['pkce', 'loopback'])
    expect(readFileSync(new URL(`../../${name}/package.json`, import.meta.url), 'utf8')).not.toContain(
      '@oa/device-code',
    );
});

it('says in its README that attackers use it for phishing, and what to prefer', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toMatch(/phish/i);
  expect(readme).toContain('@oa/loopback');
});
