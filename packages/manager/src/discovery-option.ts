import type { DiscoverOptions } from '@oa/discovery';
import { isObject } from '@oa/mechanisms';
import type { LoginOptions } from '@oa/loopback';
import type { AuthorizationServer } from '@oa/types';
import type { ManagerOptions } from './options.ts';

/** How the metadata of servers and resources is found, and what it must say. */
export interface DiscoveryOption extends Pick<LoginOptions, 'requirePkce'> {
  fallback?: DiscoverOptions['fallback'] | 'origin';
}

const PRESETS: Record<NonNullable<ManagerOptions['preset']>, DiscoveryOption> = {
  mcp: { fallback: 'origin', requirePkce: true },
};

/** The options with the defaults of their preset. What the caller has set wins. */
export function applyPreset(options: ManagerOptions): ManagerOptions {
  const { preset, discovery = {} } = options;
  if (preset === undefined) return options;
  const { fallback = PRESETS[preset].fallback, requirePkce = PRESETS[preset].requirePkce } = discovery;
  return { ...options, discovery: { fallback, requirePkce } };
}

/** @throws {TypeError} that names the option */
export function assertPreset(preset: unknown): void {
  if (preset !== undefined && preset !== 'mcp') throw new TypeError("options.preset must be 'mcp', or absent.");
}

/** @throws {TypeError} that names the member */
export function assertDiscoveryOption(discovery: unknown): void {
  if (!isObject(discovery))
    throw new TypeError('options.discovery must be an object such as { fallback, requirePkce }.');
  const { fallback = 'conventional', requirePkce = false, ...others } = discovery;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new TypeError(`options.discovery has no member ${unknown}. Use fallback and requirePkce.`);
  if (typeof requirePkce !== 'boolean') throw new TypeError('options.discovery.requirePkce must be a boolean.');
  if (fallback !== 'conventional' && fallback !== 'origin' && fallback !== 'none')
    throw new TypeError("options.discovery.fallback must be 'conventional', 'origin' or 'none'.");
}

/**
 * Whether endpoints may be guessed at an issuer.
 *
 * @param isOrigin whether the issuer is the origin of a resource that publishes no metadata
 */
export function fallbackAt({ discovery }: ManagerOptions, isOrigin: boolean): 'conventional' | 'none' {
  const { fallback = 'conventional' } = discovery ?? {};
  if (fallback !== 'origin') return fallback;
  return isOrigin ? 'conventional' : 'none';
}

/** Whether the server must list PKCE with S256. One whose endpoints may be guessed under `origin` has nowhere to list it. */
export function isPkceRequired({ discovery }: ManagerOptions, { guessed_after }: AuthorizationServer): boolean {
  const { fallback, requirePkce = false } = discovery ?? {};
  return requirePkce && !(fallback === 'origin' && guessed_after !== undefined);
}
