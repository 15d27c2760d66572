export { getJson, postForm, postJson, readError, readJson } from './json.ts';
export { preloadTransport } from './ky.ts';
export { request } from './request.ts';
export type { HttpOptions, HttpResponse } from './request.ts';
