/** What makes assertions. It is loaded with the first one. */
export { signWithKey } from './compact-jwt.ts';
export { createKeyAssertion, createSecretAssertion } from './signed-assertion.ts';
export { createSourceAssertion } from './source-assertion.ts';
