/** The proxy that the environment names for a URL. */
export interface EnvironmentProxy {
  /** The variable that names it, as it is spelled: `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY`. */
  variable: string;
  /** Its host and port. The user name and password in the variable are secrets. */
  address: string;
  /** Whether the variable has a user name or a password. */
  hasCredentials: boolean;
  /** Whether the connection to the proxy uses TLS. */
  isSecure: boolean;
  /** Whether the platform sends requests through it. */
  used: boolean;
}

/** Every undici of a process keeps its dispatcher there. */
const DISPATCHER_SYMBOLS = ['undici.globalDispatcher.2', 'undici.globalDispatcher.1'].map((name) => Symbol.for(name));
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * Finds the proxy that the environment names for `url`, with the rules of Node.js: lower case first, `HTTP_PROXY` also for https, and no
 * proxy for a host in `NO_PROXY`.
 *
 * @returns `undefined` where there is none, and where the program has chosen its connections itself
 */
export function environmentProxy(url: URL): EnvironmentProxy | undefined {
  const used = usesEnvironment();
  const variable = proxyVariable(url);
  if (used === undefined || variable === undefined || isExempt(url)) return undefined;
  const text = environmentValue(variable) ?? '';
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  return {
    variable,
    address: proxy === undefined || proxy.host === '' ? 'without a valid URL' : hostAndPort(proxy),
    hasCredentials: proxy !== undefined && (proxy.username !== '' || proxy.password !== ''),
    isSecure: proxy?.protocol === 'https:',
    used: used && !/^all_proxy$/i.test(variable),
  };
}

/** Says which proxy a failed request went through, or which one was not used. It starts with a space, or is empty. */
export function proxyHint(proxy: EnvironmentProxy | undefined): string {
  if (proxy === undefined) return '';
  const { variable, address, used } = proxy;
  if (used) return ` The request goes through the proxy ${address}, which ${variable} names.`;
  if (/^all_proxy$/i.test(variable))
    return ` ${variable} is set, but Node.js does not use it. If this network needs the proxy, set HTTPS_PROXY and NODE_USE_ENV_PROXY=1.`;
  return ` ${variable} is set, but Node.js 22.21, 24.5 or newer uses it only with NODE_USE_ENV_PROXY=1 at its start. If this network needs the proxy, set both.`;
}

/** The host and the port of a URL, also where the port is the default. */
export function hostAndPort({ protocol, hostname, port }: URL): string {
  const number = port === '' ? DEFAULT_PORTS[protocol] : port;
  return number === undefined ? hostname : `${hostname}:${number}`;
}

/** Deno and Bun use the variables always. Node.js does so if its dispatcher was made for it. */
function usesEnvironment(): boolean | undefined {
  if ('Deno' in globalThis || 'Bun' in globalThis) return true;
  // Only its name is read: other copies of undici have classes of their own.
  const dispatchers = DISPATCHER_SYMBOLS.map((symbol) => (globalThis as Record<symbol, unknown>)[symbol]);
  const dispatcher = dispatchers.find((each) => typeof each === 'object' && each !== null);
  const name = dispatcher?.constructor.name ?? 'Agent';
  if (name.startsWith('EnvHttpProxyAgent')) return true;
  return /^Agent\d*$/.test(name) ? false : undefined;
}

function proxyVariable({ protocol }: URL): string | undefined {
  const names = protocol === 'https:' ? ['https_proxy', 'http_proxy', 'all_proxy'] : ['http_proxy', 'all_proxy'];
  const spellings = names.map((name) =>
    [name, name.toUpperCase()].find((each) => environmentValue(each) !== undefined),
  );
  return spellings.find((name) => name !== undefined && environmentValue(name) !== '');
}

function isExempt(url: URL): boolean {
  const list = environmentValue('no_proxy') ?? environmentValue('NO_PROXY') ?? '';
  if (list === '*') return true;
  const [host, port] = [url.hostname.toLowerCase(), url.port === '' ? DEFAULT_PORTS[url.protocol] : url.port];
  return list
    .split(/[,\s]/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, named = entry, namedPort] = /^(.+):(\d+)$/.exec(entry) ?? [];
      const name = named.replace(/^\*?\./, '').toLowerCase();
      return (namedPort === undefined || namedPort === port) && (host === name || host.endsWith(`.${name}`));
    });
}

/** A variable of the environment. A browser has none. */
export function environmentValue(name: string): string | undefined {
  return globalThis.process?.env?.[name];
}
