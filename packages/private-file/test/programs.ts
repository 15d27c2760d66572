/** The URL of a program that tests run in a process of its own. */
export function program(name: string): URL {
  return new URL(`programs/${name}.ts`, import.meta.url);
}
