// keytar downloads its binary in an install script, and no package of the benchmark runs one. Each call fails as on a machine without a
// Secret Service. @azure/msal-node-extensions then uses its plaintext file, as `usePlaintextFileOnLinux` tells it.
const unavailable = () => Promise.reject(new Error('There is no Secret Service.'));

module.exports = { setPassword: unavailable, getPassword: unavailable, deletePassword: unavailable };
