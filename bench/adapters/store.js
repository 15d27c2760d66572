// The token file of the adapters whose peer leaves the storage to its caller. It is as cheap as a correct one can be: no lock, no checks.
const fs = process.getBuiltinModule('node:fs');

/** Reads what {@link save} has written. */
export function load(directory) {
  return JSON.parse(fs.readFileSync(`${directory}/token.json`, 'utf8'));
}

/** Adds when a token expires, in seconds since the epoch. */
export function withExpiry(token) {
  return { ...token, expires_at: Date.now() / 1000 + token.expires_in };
}

/** Whether a token of {@link withExpiry} is valid. */
export function isFresh(token) {
  return token.expires_at > Date.now() / 1000;
}

/** Writes a token, whole or not at all. */
export function save(directory, token, name = 'token.json') {
  const temporary = `${directory}/.${process.pid}.tmp`;
  fs.writeFileSync(temporary, JSON.stringify(token), { mode: 0o600 });
  fs.renameSync(temporary, `${directory}/${name}`);
}
