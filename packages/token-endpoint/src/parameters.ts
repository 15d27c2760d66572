import type { RequestParameters } from '@oa/types';

/** RFC 8707 section 2 and RFC 8693 section 2.1 let these stand several times; RFC 6749 section 3.2 forbids it for all others. */
const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience']);
/** These belong to the client and its authentication, and only there. */
const CLIENTS: readonly string[] = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];

/** Refuses parameters that no request may have, before anything is sent. `reserved` are those that the caller's function sets itself. */
export function checkParameters(parameters: RequestParameters, reserved: readonly string[] = []): void {
  for (const name of [...CLIENTS, ...reserved])
    if (parameters[name] !== undefined)
      throw new TypeError(`parameters.${name} is not yours to set: it follows from the call`);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!values.every((one) => typeof one === 'string')) throw new TypeError(`parameters.${name} must be text`);
    if (values.length > 1 && !REPEATABLE.has(name))
      throw new TypeError(`parameters.${name} must be one text (RFC 6749 section 3.2); scopes are separated by spaces`);
    if (name === 'resource') for (const resource of values) checkResource(resource);
  }
}

/** RFC 8707 section 2: an absolute URI without a fragment. It is sent as it is. */
function checkResource(resource: string): void {
  if (!URL.canParse(resource) || resource.includes('#'))
    throw new TypeError('parameters.resource must be an absolute URI without a fragment (RFC 8707 section 2)');
}
