import { isObject } from '@oa/mechanisms';
import type { AuthorizationDetail } from '@oa/types';

/** Deeper ones end in a full call stack, here or in another JSON parser. */
const MAX_DETAILS_LEVELS = 100;

/**
 * The details in one form for all that mean the same: sorted, with sorted members, and with what JSON keeps of them. The order in their own
 * lists is kept, because the type of a detail decides what it means.
 *
 * @returns `undefined` if there are none
 * @throws {TypeError} if `details` is not an array of objects with a `type`, or has more than 100 levels of objects and lists
 */
export function toCanonicalDetails(
  details: readonly AuthorizationDetail[] | undefined,
): AuthorizationDetail[] | undefined {
  if (details === undefined) return undefined;
  const isValid =
    Array.isArray(details) && details.every((each: unknown) => isObject(each) && isNonEmptyText(each['type']));
  if (!isValid)
    throw new TypeError("The authorization_details of a token's identity must be an array of objects with a type.");
  if (hasMoreLevelsThan(details, MAX_DETAILS_LEVELS))
    throw new TypeError(
      `The authorization_details of a token's identity must have at most ${MAX_DETAILS_LEVELS} levels of objects and lists.`,
    );
  if (details.length === 0) return undefined;
  const canonical = (JSON.parse(JSON.stringify(details)) as unknown[]).map((detail) =>
    JSON.stringify(sortMembers(detail)),
  );
  return canonical.toSorted().map((text) => JSON.parse(text) as AuthorizationDetail);
}

function hasMoreLevelsThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => hasMoreLevelsThan(member, levels - 1));
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (!isObject(value)) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sortMembers(member)]));
}

function isNonEmptyText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
