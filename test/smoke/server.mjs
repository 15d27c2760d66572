// What the programs of this folder know about the server of the test. The test copies the folder into a project that has the packed packages.

/** The endpoints of the server. */
export const server = JSON.parse(process.env.OA_SERVER);
/** A client with a secret. */
export const client = JSON.parse(process.env.OA_CLIENT);
/** The ID token of a user for this client. */
export const idToken = process.env.OA_ID_TOKEN;
/** A client without a secret, for logins. */
export const user = JSON.parse(process.env.OA_USER_CLIENT);
/** A URL that answers only to a request with a token. */
export const api = process.env.OA_API;

/** Has the test act as the user would: `approve` a device, or `log in` in a browser. */
export function ask(what, url) {
  process.stdout.write(`${what} ${url}\n`);
}
