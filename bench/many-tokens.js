// Fills a directory with tokens: `node many-tokens.js DIRECTORY TOKENS`. One is written by @oa/token-cache, the others are its copies under
// other keys, because 100,000 durable writes take minutes.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { cacheFile, fileTokenCache, tokenKey } from '@oa/token-cache';

const [, , directory, amount] = process.argv;
const identity = { issuer: 'https://as.example', client_id: 'bench', grant_type: 'client_credentials', profile: '0' };
const token = {
  access_token: 'a'.repeat(800),
  token_type: 'Bearer',
  expires_at: Math.ceil(Date.now() / 1000) + 86_400,
};

await fileTokenCache({ directory }).set(tokenKey(identity), token);
const [text] = readFileSync(cacheFile(identity, { directory }), 'utf8').split(',"checksum":');
for (let index = 1; index < Number(amount); index++) {
  const file = cacheFile({ ...identity, profile: String(index) }, { directory });
  const content = text.replace('"profile":"0"', `"profile":"${index}"`);
  const checksum = createHash('sha256').update(content).digest('hex');
  writeFileSync(file, `${content},"checksum":"${checksum}"}\n`, { mode: 0o600 });
}
