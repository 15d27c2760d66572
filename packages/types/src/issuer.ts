/** An issuer without a path. The host is compared byte for byte, as in every other issuer. */
const ISSUER_WITHOUT_PATH = /^(https?:\/\/[^/?#]+)\/?$/;
const METADATA_PATH = /\/\.well-known\/(?:oauth-authorization-server|openid-configuration)(?=\/|$)/;
/** A hostile server can choose the length of an issuer, and the pattern takes the square of it. */
const MAX_SEARCHED_ISSUER_CHARACTERS = 2000;
/** What documentation, templates, shells and routers write for a value that is to be filled in. No issuer in use has any of these. */
const PLACEHOLDER = new RegExp(
  [
    /\$?\{+[^{}]+\}+/, // {tenant}, ${TENANT}, {{tenant}}
    /%7[Bb].+?%7[Dd]/, // the same, as URLs encode it
    /<[^<>]+>/, // <tenant>
    /%3[Cc].+?%3[Ee]/,
    /\[[A-Za-z][\w-]*\]/, // [tenant], and no IPv6 address
    /\$\(\w+\)/, // $(TENANT)
    /\$[A-Za-z_]\w*/, // $TENANT
    /%(?![0-9A-Fa-f]{2})\w+%/, // %TENANT%
    /(?<=\/):[A-Za-z_][\w-]*/, // :tenant
    /\bYOUR[_-][A-Z_-]+/, // YOUR_TENANT, YOUR-TENANT
    /(?<=\/)[A-Z]+[_-](?:ID|NAME)(?=\/|$)/, // TENANT_ID
    /Enter_the_\w+?_Here/i, // as the documentation of Entra writes it
    /(?<=[/.])(?:__\w+?__|@[A-Z_]+@)/, // __TENANT__, @TENANT@
    /x{8}-(?:x{4}-){3}x{12}/i,
    /(?<=\/)(?:undefined|null|NaN)(?=[/.]|$)/, // a variable that is not set
    /\[object(?: |%20)Object\]|%5Bobject%20Object%5D/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

/**
 * Makes one spelling of an issuer that has two: `https://as.example/` is `https://as.example`. Every other issuer stays as it is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3986#section-6.2.3
 */
export function normalizeIssuer(issuer: string): string {
  return ISSUER_WITHOUT_PATH.exec(issuer)?.[1] ?? issuer;
}

/** Whether an issuer has no path, so that it can be written with or without a slash after the host. */
export function hasTwoSpellings(issuer: string): boolean {
  return ISSUER_WITHOUT_PATH.test(issuer);
}

/**
 * Whether two issuers are the same: byte for byte, or except for the slash after the host if there is no path.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3.3
 * @see https://www.rfc-editor.org/rfc/rfc3986#section-6.2.3
 */
export function isSameIssuer(issuer: string, other: string): boolean {
  return normalizeIssuer(issuer) === normalizeIssuer(other);
}

/**
 * Finds the issuer in the address of a metadata document, such as `https://as.example/.well-known/openid-configuration`.
 *
 * @returns `undefined` if `url` is not such an address
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3.1
 */
export function issuerOfDocument(url: string): string | undefined {
  return METADATA_PATH.test(url) ? url.replace(METADATA_PATH, '').replace(/\/$/, '') : undefined;
}

/** Finds the first placeholder in an issuer, such as `{tenant}`. A program that passes one has not been configured completely. */
export function findPlaceholder(issuer: string): string | undefined {
  return PLACEHOLDER.exec(issuer.slice(0, MAX_SEARCHED_ISSUER_CHARACTERS))?.[0];
}
