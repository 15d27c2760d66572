/** Reads a variable of the environment when it is needed. An empty one counts as not set. */
export function readPlatformVariable(name: string): string | undefined {
  const value = globalThis.process?.env?.[name];
  return value === '' ? undefined : value;
}
