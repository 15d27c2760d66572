/** Loaded into a program whose user is the agent: a program asks a user only if it has a terminal. */
if (!process.stderr.isTTY) Object.defineProperty(process.stderr, 'isTTY', { value: true });
