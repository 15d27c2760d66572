/** What is needed only after an answer that is no success: its texts, and the search for secrets in them. */
export { toResponseError } from './error.ts';
export { toSchemaError } from './schema.ts';
export { toUnreadableError } from './unreadable.ts';
