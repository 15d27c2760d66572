import { isObject } from '@oa/mechanisms';

/**
 * The signature algorithms that are built in.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7518#section-3.1
 * @see https://www.rfc-editor.org/rfc/rfc8037#section-3.1
 */
export type SigningAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

/** A private `CryptoKey` with the usage `sign`, as WebCrypto makes it. */
export interface SigningCryptoKey {
  readonly type: string;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/**
 * A private key as a JWK.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7517#section-4
 */
export interface SigningJwk {
  kty?: string | undefined;
  crv?: string | undefined;
  alg?: string | undefined;
  kid?: string | undefined;
  d?: string | undefined;
}

/**
 * Signs where the private key can't be exported, such as in a key management service or a hardware module.
 *
 * @param data the signing input of JWS (RFC 7515 section 5.1)
 * @returns the signature as JWS has it: for ES256 the 64 bytes of R and S, not DER (RFC 7518 section 3.4)
 */
export type SignFunction = (data: Uint8Array, alg: string) => Uint8Array | Promise<Uint8Array>;

/** A private key: a `CryptoKey`, a JWK, the text of a PEM file with PKCS #8, or a function that signs. */
export type SigningKey = SigningCryptoKey | SigningJwk | string | SignFunction;

/** A key that is ready to sign. */
export interface Signer {
  alg: string;
  /** The algorithms that the key could sign with. */
  algs: readonly string[];
  /** The identifier that a JWK has. */
  kid: string | undefined;
  sign: SignFunction;
}

interface Algorithm {
  /** `kty` and `crv` of a JWK. */
  kind: string;
  importParameters: { name: string; hash?: string; namedCurve?: string };
  signParameters: { name: string; hash?: string; saltLength?: number };
}

/** The first one of a kind is its default. */
const ALGORITHMS: Record<SigningAlgorithm, Algorithm> = {
  RS256: {
    kind: 'RSA',
    importParameters: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    signParameters: { name: 'RSASSA-PKCS1-v1_5' },
  },
  PS256: {
    kind: 'RSA',
    importParameters: { name: 'RSA-PSS', hash: 'SHA-256' },
    // RFC 7518 section 3.5: the salt is as long as the hash.
    signParameters: { name: 'RSA-PSS', saltLength: 32 },
  },
  ES256: {
    kind: 'EC P-256',
    importParameters: { name: 'ECDSA', namedCurve: 'P-256' },
    signParameters: { name: 'ECDSA', hash: 'SHA-256' },
  },
  EdDSA: { kind: 'OKP Ed25519', importParameters: { name: 'Ed25519' }, signParameters: { name: 'Ed25519' } },
};
const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as SigningAlgorithm[];
const ALGORITHM_LIST = ALGORITHM_NAMES.join(', ');

/** The object identifiers of RFC 8017, RFC 5480 and RFC 8410 in DER, as they are at the start of a PKCS #8 key (RFC 5958 section 2). */
const PKCS8_KINDS: Record<string, string> = {
  '06092a864886f70d010101': 'RSA',
  '06082a8648ce3d030107': 'EC P-256',
  '06032b6570': 'OKP Ed25519',
};
const PKCS8_KIND_BYTES = 40;
const ES256_SIGNATURE_BYTES = 64;
/** RFC 7518 sections 3.3 and 3.5. */
const MIN_RSA_BITS = 2048;

/**
 * Prepares a key for signatures. No error shows any part of the key.
 *
 * @param alg the algorithm, where the key does not say it: an RSA key signs RS256 or PS256, and a function any algorithm
 * @throws {TypeError} if the key can't sign, or not with `alg`
 */
export async function createSigner(key: SigningKey, alg?: string): Promise<Signer> {
  if (typeof key === 'function') return createFunctionSigner(key, alg);
  if (typeof key === 'string') return createPemSigner(key, alg);
  if (isCryptoKey(key)) return createCryptoKeySigner(key, alg);
  if (isObject(key)) return createJwkSigner(key, alg);
  throw new TypeError('A signing key must be a CryptoKey, a JWK, the text of a PEM file, or a function.');
}

function createFunctionSigner(sign: SignFunction, alg: string | undefined): Signer {
  if (alg === undefined) throw new TypeError('A function that signs needs the option `alg`, such as ES256.');
  // RFC 8725 section 3.2: never `none`, in any spelling. And a symmetric key is no private key.
  if (!/^(?:RS|PS|ES|Ed)[A-Za-z\d]{1,16}$/.test(alg))
    throw new TypeError('The `alg` of a function that signs must be an algorithm of a private key, such as ES256.');
  return {
    alg,
    algs: [alg],
    kid: undefined,
    sign: async (data) => {
      const signature: unknown = await sign(data, alg);
      if (!(signature instanceof Uint8Array) || (alg === 'ES256' && signature.length !== ES256_SIGNATURE_BYTES))
        throw new TypeError(
          'The function that signs must return the bytes of the signature in a Uint8Array: for ES256 the 64 bytes of R and S, not DER (RFC 7518 section 3.4).',
        );
      return signature;
    },
  };
}

async function createPemSigner(pem: string, alg: string | undefined): Promise<Signer> {
  const label = /-----BEGIN ([A-Z ]+)-----/.exec(pem)?.[1];
  if (label !== 'PRIVATE KEY') throw new TypeError(adviceForPem(label));
  const [, text = ''] = pem.split(/-----[A-Z ]+-----/);
  // Environment variables often have the two characters \n in the place of a line end.
  const bytes = parseBase64(text.replaceAll(String.raw`\n`, ''));
  const start = bytes?.subarray(0, PKCS8_KIND_BYTES) ?? [];
  const digits = Array.from(start, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const kind = Object.entries(PKCS8_KINDS).find(([identifier]) => digits.includes(identifier))?.[1];
  if (bytes === undefined || kind === undefined)
    throw new TypeError(`The PEM text has no RSA, P-256 or Ed25519 key, which these need: ${ALGORITHM_LIST}.`);
  return importSigner('pkcs8', bytes, chooseAlgorithms(kind, alg), undefined);
}

function adviceForPem(label: string | undefined): string {
  if (label === 'ENCRYPTED PRIVATE KEY')
    return 'The PEM text is an encrypted key. Decrypt it first: openssl pkcs8 -in key.pem -out plain.pem.';
  if (label === 'RSA PRIVATE KEY' || label === 'EC PRIVATE KEY')
    return `The PEM text is no PKCS #8 (it begins with ${label}). Convert it: openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem.`;
  if (label === undefined)
    return 'A signing key that is a text must be PEM, with -----BEGIN PRIVATE KEY-----. Is it the name of a file? Read the file first.';
  return `The PEM text is no private key (it begins with ${label}). Use the one that begins with PRIVATE KEY.`;
}

function createCryptoKeySigner(key: CryptoKeyObject, given: string | undefined): Signer {
  const alg = ALGORITHM_NAMES.find((name) => isForAlgorithm(key.algorithm, ALGORITHMS[name].importParameters));
  if (alg === undefined) throw new TypeError(`The algorithm of the CryptoKey must be one of ${ALGORITHM_LIST}.`);
  if (given !== undefined && given !== alg)
    throw new TypeError(`The CryptoKey signs with ${alg}, and the option \`alg\` has another algorithm.`);
  if (key.type !== 'private' || !key.usages.includes('sign'))
    throw new TypeError("The CryptoKey must be private and have the usage 'sign'.");
  assertModulus(key);
  return { alg, algs: [alg], kid: undefined, sign: (data) => signWith(key, alg, data) };
}

async function createJwkSigner(jwk: SigningJwk & Record<string, unknown>, given: string | undefined): Promise<Signer> {
  const { kty, crv, alg, kid, d } = jwk;
  if (d === undefined) throw new TypeError('The JWK has no private key: its member d is missing.');
  if (given !== undefined && alg !== undefined && given !== alg)
    throw new TypeError('The JWK has another member alg than the option `alg`.');
  const chosen = chooseAlgorithms(kty === 'RSA' ? 'RSA' : `${kty} ${crv}`, given ?? alg);
  // Members such as key_ops could make the key unusable.
  const { kid: _kid, alg: _alg, key_ops: _ops, use: _use, ext: _ext, ...members } = jwk;
  return importSigner('jwk', members, chosen, kid);
}

/**
 * Lists the algorithms that a key may sign with, the best first.
 *
 * @throws {TypeError} if the kind of key has no such algorithm
 */
function chooseAlgorithms(kind: string, alg: string | undefined): [SigningAlgorithm, ...SigningAlgorithm[]] {
  const ofKind = ALGORITHM_NAMES.filter((name) => ALGORITHMS[name].kind === kind);
  const [first, ...others] = alg === undefined ? ofKind : ofKind.filter((name) => name === alg);
  if (first !== undefined) return [first, ...others];
  if (ofKind.length === 0)
    throw new TypeError(`The key must be an RSA, P-256 or Ed25519 key, for one of ${ALGORITHM_LIST}.`);
  throw new TypeError(`The key signs with ${ofKind.join(' or ')}, and not with the algorithm that was asked for.`);
}

async function importSigner(
  format: 'pkcs8' | 'jwk',
  data: unknown,
  algs: [SigningAlgorithm, ...SigningAlgorithm[]],
  kid: string | undefined,
): Promise<Signer> {
  const [alg] = algs;
  const key = await crypto.subtle
    .importKey(format as 'jwk', data as object, ALGORITHMS[alg].importParameters, false, ['sign'])
    // The error of the platform can quote the key.
    .catch(() => undefined);
  if (key === undefined) throw new TypeError(`The signing key for ${alg} is damaged or incomplete.`);
  assertModulus(key);
  return { alg, algs, kid, sign: (bytes) => signWith(key, alg, bytes) };
}

type CryptoKeyObject = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

function isCryptoKey(key: unknown): key is CryptoKeyObject {
  return Object.prototype.toString.call(key) === '[object CryptoKey]';
}

function isForAlgorithm(algorithm: object, { name, hash, namedCurve }: Algorithm['importParameters']): boolean {
  const found = algorithm as { name?: unknown; hash?: { name?: unknown }; namedCurve?: unknown };
  return found.name === name && found.hash?.name === hash && found.namedCurve === namedCurve;
}

function assertModulus({ algorithm }: CryptoKeyObject): void {
  if ('modulusLength' in algorithm && Number(algorithm.modulusLength) < MIN_RSA_BITS)
    throw new TypeError(`An RSA key must have ${MIN_RSA_BITS} bits or more.`);
}

async function signWith(key: CryptoKeyObject, alg: SigningAlgorithm, data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign(ALGORITHMS[alg].signParameters, key, data));
}

function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
