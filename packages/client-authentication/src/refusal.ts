/** What a refusal of the server says about the client. */
export { isClientRefused } from './client-refused.ts';
