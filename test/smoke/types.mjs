import { attempt, isExpired, OAuthError } from '@oa/types';
import { isScope } from '@oa/types/rfc';
import { tokenResponseSchema } from '@oa/types/schemas';
import assert from 'node:assert/strict';

assert.equal(isExpired({ access_token: 'a', token_type: 'Bearer', expires_at: 1 }), true);
assert.equal((await attempt(Promise.reject(new OAuthError('timeout', 'No answer.')))).ok, false);
assert.equal(isScope('read write', 100), true);
assert.ok((await tokenResponseSchema['~standard'].validate({ token_type: 'Bearer' })).issues.length > 0);
