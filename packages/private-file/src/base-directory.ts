import { paths } from './node.ts';
import { readVariable } from './owner.ts';

/** A variable of the environment that leads to a directory. */
export interface BaseDirectory {
  variable: string;
  path: string;
}

const BASE_VARIABLES = ['XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'HOME'];

/** The variable that leads to a directory. Of two, the one that is nearer. */
export function findBase(directory: string): BaseDirectory | undefined {
  const bases = BASE_VARIABLES.map((variable) => ({ variable, value: readVariable(variable) }));
  return bases
    .flatMap(({ variable, value }) => (value?.startsWith('/') ? [{ variable, path: paths.join(value, '.') }] : []))
    .filter((base) => isPathWithin(directory, base.path))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** The variables that can lead to another directory than this one. */
export function variablesOf({ variable }: BaseDirectory): string {
  return variable === 'HOME' ? 'XDG_CACHE_HOME and XDG_CONFIG_HOME (or HOME)' : variable;
}

export function isPathWithin(inner: string, directory: string): boolean {
  return inner === directory || inner.startsWith(directory === '/' ? '/' : `${directory}/`);
}
