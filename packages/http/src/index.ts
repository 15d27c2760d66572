export { getJson, postForm, postJson, readJson } from './json.ts';
export { request } from './request.ts';
export type { HttpOptions, HttpResponse } from './request.ts';
