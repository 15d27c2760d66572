export { assertDpopToken } from './assert-dpop-token.ts';
export { createDpop } from './dpop.ts';
export type { Dpop, ProofRequest } from './dpop.ts';
export { createDpopKey } from './key.ts';
export type { ProofAnswer } from './memory.ts';
