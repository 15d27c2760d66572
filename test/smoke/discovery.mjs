import { discover, parseChallenges } from '@oa/discovery';
import { fileMetadataCache } from '@oa/discovery/file-cache';
import assert from 'node:assert/strict';
import { server } from './server.mjs';

const cache = fileMetadataCache({ app: 'smoke' }).servers;
const found = await discover(server.issuer, { cache });
assert.equal(found.token_endpoint, server.token_endpoint);
assert.equal(parseChallenges('Bearer realm="a"')[0]?.scheme.toLowerCase(), 'bearer');
