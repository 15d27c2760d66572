import { execToken, fileToken, githubActions, serviceAccount } from '@oa/workload-identity';
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';

const request = { audience: 'https://as.example' };

writeFileSync('workload-token', 'the-token\n');
assert.equal(await fileToken('workload-token')(request), 'the-token');
rmSync('workload-token');

assert.equal(await execToken([process.execPath, '-p', '"another-token"'])(request), 'another-token');

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const { privateKey: key } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
const [, payload = ''] = (await serviceAccount({ iss: 'me', sub: 'you', key })(request)).split('.');
const { iss, sub, aud } = JSON.parse(Buffer.from(payload, 'base64url').toString());
assert.deepEqual({ iss, sub, aud }, { iss: 'me', sub: 'you', aud: request.audience });

process.env.ACTIONS_ID_TOKEN_REQUEST_URL = 'https://github.example/?x';
process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = 'request-token';
const fetch = async (url) => Response.json({ value: new URL(url).searchParams.get('audience') });
assert.equal(await githubActions({ fetch })(request), request.audience);
