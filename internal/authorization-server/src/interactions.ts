import type { IncomingMessage } from 'node:http';
import { errors, type InteractionResults, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { findUser, user } from './configuration.ts';
import { consentPage, errorPage, loginPage } from './pages.ts';

const MAX_FORM_CHARACTERS = 16_384;

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** Middleware for `/interaction/...`: shows the login page or the consent page, and takes the forms. */
export function interactions(
  provider: Provider,
): (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void> {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    ctx.set('cache-control', 'no-store');
    let details: Details;
    try {
      details = await provider.interactionDetails(ctx.req, ctx.res);
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error;
      ctx.status = 400;
      ctx.type = 'html';
      ctx.body = errorPage({ error: 'invalid_request', error_description: 'This login has ended. Start again.' });
      return;
    }
    if (ctx.method !== 'POST') return showQuestion(ctx, provider, details);
    const form = await readForm(ctx.req);
    const result = await submit(provider, details, form);
    if (result === undefined) return showQuestion(ctx, provider, details, 'Wrong name or password.');
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true }));
    ctx.status = 303;
  };
}

async function showQuestion(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  details: Details,
  message?: string,
): Promise<void> {
  const client = await provider.Client.find(String(details.params.client_id));
  const question = {
    uid: details.uid,
    clientName: client?.clientName ?? String(details.params.client_id),
    ...(message === undefined ? {} : { message }),
  };
  const { scope } = details.params;
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  ctx.type = 'html';
  ctx.body =
    details.prompt.name === 'login'
      ? loginPage(question, findUser(details.params.login_hint) ?? user)
      : consentPage(question, details.session?.accountId ?? '', scopes);
}

/** Takes a form. Resolves to `undefined` if the name or the password is wrong. */
async function submit(
  provider: Provider,
  details: Details,
  form: URLSearchParams,
): Promise<InteractionResults | undefined> {
  if (form.get('decision') === 'deny')
    return { error: 'access_denied', error_description: 'The user denied the access' };
  if (details.prompt.name === 'consent') return { consent: { grantId: await grant(provider, details) } };
  const account = findUser(form.get('login'));
  if (account === undefined || form.get('password') !== account.password) return undefined;
  // The one login page stands for every context that a client asks for.
  const { acr_values } = details.params;
  const [acr] = typeof acr_values === 'string' ? acr_values.split(' ') : [];
  return { login: { accountId: account.login, ...(acr === undefined ? {} : { acr }) } };
}

/** Grants everything that the request asks for, and keeps what this browser session has granted to this client before. */
async function grant(provider: Provider, details: Details): Promise<string> {
  const before = details.grantId === undefined ? undefined : await provider.Grant.find(details.grantId);
  const granted =
    before ??
    new provider.Grant({
      accountId: details.session?.accountId ?? '',
      clientId: String(details.params.client_id),
    });
  const missing = details.prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
  };
  if (missing.missingOIDCScope) granted.addOIDCScope(missing.missingOIDCScope.join(' '));
  if (missing.missingOIDCClaims) granted.addOIDCClaims(missing.missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(missing.missingResourceScopes ?? {}))
    granted.addResourceScope(indicator, scopes.join(' '));
  return granted.save();
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > MAX_FORM_CHARACTERS) throw new Error('The form is too large.');
  }
  return new URLSearchParams(body);
}
