import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { OAuthError, type AssertionRequest } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { idJag, jwtBearer, keptIdToken, type IdJagRequest } from '@oa/assertion-grants';
import { client, issued, now, NOW_MS, refused, startTokenEndpoint, TYPE, unsignedJwt } from './scripted.ts';

const ID_JAG = `${TYPE}id-jag`;
const audience = 'https://chat.example/';
const jag = issued({ access_token: 'the-id-jag', issued_token_type: ID_JAG, token_type: 'N_A', expires_in: 300 });

describe('idJag', () => {
  it('asks the provider for an assertion for the issuer that the source is asked for, with the resource as published', async () => {
    const { metadata: idp, forms } = await startTokenEndpoint(jag);
    const resource = 'https://API.chat.example:443/v1/';
    const source = idJag({ idp, client: { client_id: 'mine' }, subject: 'the-id-token', resource, scope: 'chat.read' });
    expect(await source({ audience })).toBe('the-id-jag');
    expect(forms()).toEqual([
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        requested_token_type: ID_JAG,
        subject_token: 'the-id-token',
        subject_token_type: `${TYPE}id_token`,
        audience,
        resource,
        scope: 'chat.read',
        client_id: 'mine',
      },
    ]);
  });

  it('takes a refresh token or a SAML 2 assertion as the subject, and further parameters', async () => {
    const { metadata: idp, forms } = await startTokenEndpoint(jag);
    for (const name of ['refresh_token', 'saml2'])
      await idJag({ idp, client, subject: 'subject', subject_token_type: `${TYPE}${name}`, tenant: 'acme' })({
        audience,
      });
    expect(forms()).toMatchObject([
      { subject_token_type: `${TYPE}refresh_token`, tenant: 'acme' },
      { subject_token_type: `${TYPE}saml2`, tenant: 'acme' },
    ]);
  });

  it('asks the subject for each assertion, and passes on the signal', async () => {
    const { metadata: idp, forms } = await startTokenEndpoint(jag);
    const asked: AssertionRequest[] = [];
    const source = idJag({ idp, client, subject: async (request) => `subject-${asked.push(request)}` });
    const { signal } = new AbortController();
    await source({ audience, signal });
    await source({ audience, signal, rejected: 'the-id-jag' });
    expect(forms()).toMatchObject([{ subject_token: 'subject-1' }, { subject_token: 'subject-2' }]);
    expect(asked).toEqual([1, 2].map(() => ({ audience: idp.issuer, signal, rejected: undefined })));
    const reason = new Error('enough');
    await expect(source({ audience, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('is asked for another assertion if the server refuses the first one', async () => {
    let count = 0;
    const { metadata: idp } = await startTokenEndpoint(() =>
      issued({ access_token: `jag-${(count += 1)}`, issued_token_type: ID_JAG, token_type: 'N_A' }),
    );
    const { metadata, forms } = await startTokenEndpoint(refused('invalid_grant'), issued());
    await jwtBearer(metadata, client, { assertion: idJag({ idp, client, subject: 'x' }) });
    expect(forms()).toMatchObject([{ assertion: 'jag-1' }, { assertion: 'jag-2' }]);
  });

  it.each<[object, string]>([
    [{ token_type: 'Bearer' }, 'labels its identity assertion as an access token'],
    [{ issued_token_type: `${TYPE}access_token`, token_type: 'Bearer' }, `The request asked for ${ID_JAG}.`],
    [{ issued_token_type: undefined }, `The request asked for ${ID_JAG}.`],
  ])('refuses the answer %j', async (members, problem) => {
    const reply = { access_token: 'planted-jag', issued_token_type: ID_JAG, token_type: 'N_A', ...members };
    const { metadata: idp } = await startTokenEndpoint(issued(reply));
    const error = await rejectionOf(idJag({ idp, client, subject: 'planted-subject' })({ audience }));
    expect(error.code).toBe('invalid_response');
    expect(error.message).toContain(problem);
    expect(inspectAll(error)).not.toContain('planted');
  });

  it.each<[Partial<Record<keyof IdJagRequest, unknown>>, string]>([
    [{ idp: undefined }, 'idp must be the metadata of the identity provider'],
    [{ idp: 'https://idp.example' }, 'idp must be the metadata of the identity provider'],
    [{ client: {} }, 'client.client_id must be a non-empty string.'],
    [{ subject: '' }, 'The parameter subject must be a non-empty string, or a function'],
    [{ audience: 'x' }, 'The parameter audience is reserved'],
    [{ requested_token_type: 'x' }, 'The parameter requested_token_type is reserved'],
    [{ subject_token: 'x' }, 'The parameter subject_token is reserved'],
    [{ actor_token: 'x' }, 'The parameter actor_token is reserved'],
    [{ resource: '/x' }, 'The parameter resource must be an absolute URI'],
    [{ scope: 1 }, 'The parameter scope must be one string'],
  ])('refuses %j at once', (members, problem) => {
    const idp = { issuer: 'https://idp.example', token_endpoint: 'https://idp.example/token' };
    const request = { idp, client, subject: 'x', ...members } as IdJagRequest;
    expect(() => idJag(request)).toThrow(TypeError);
    expect(() => idJag(request)).toThrow(problem);
  });
});

describe('a login that the provider needs', () => {
  it.each([
    'login_required',
    'interaction_required',
    'consent_required',
    'account_selection_required',
    'insufficient_user_authentication',
  ])('is login_required, which names the provider, after %s', async (error) => {
    const { metadata: idp } = await startTokenEndpoint(refused(error, 'See the user'));
    const refusal = await rejectionOf(idJag({ idp, client, subject: 'planted-subject' })({ audience }));
    expect(refusal).toMatchObject({ code: 'login_required', error, error_description: 'See the user' });
    expect(refusal.message).toContain(`The user must log in again at the identity provider ${idp.issuer}, `);
    expect(inspectAll(refusal)).not.toContain('planted');
  });

  it('is the error of the subject too, with the name of the provider', async () => {
    const { metadata: idp, server } = await startTokenEndpoint(jag);
    const subject = (): Promise<string> => Promise.reject(new OAuthError('login_required', 'No session is stored.'));
    const error = await rejectionOf(idJag({ idp, client, subject })({ audience }));
    expect(error.code).toBe('login_required');
    expect(error.message).toMatch(
      /^The user must log in again at the identity provider http:.* No session is stored\.$/,
    );
    expect(server.requests).toHaveLength(0);
  });

  it('is needed where the kept ID token has expired and no refresh brings another one', async () => {
    const { metadata: idp } = await startTokenEndpoint(jag);
    const id_token = unsignedJwt({ exp: NOW_MS / 1000 - 1 });
    const subject = keptIdToken(async () => ({ access_token: 'a', token_type: 'Bearer', id_token }));
    const error = await rejectionOf(idJag({ idp, client, subject }, { now })({ audience }));
    expect(error.code).toBe('login_required');
    expect(error.message).toContain(idp.issuer);
  });

  it.each([[undefined], ['']])('is not the reason if the login has %j instead of an ID token', async (id_token) => {
    const { metadata: idp } = await startTokenEndpoint(jag);
    const error = await rejectionOf(idJag({ idp, client, subject: async () => id_token })({ audience }));
    expect(error.code).toBe('assertion_unavailable');
    expect(error.message).toMatch(/^The login at http:.* has no token that could be exchanged\..* scope openid\.$/);
  });

  it('is not the reason of another refusal, or of an error that is none of ours', async () => {
    const { metadata: idp } = await startTokenEndpoint(refused('invalid_grant', 'Audience validation failed'));
    const error = await rejectionOf(idJag({ idp, client, subject: 'x' })({ audience }));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_grant' });
    const bug = new RangeError('mine');
    await expect(idJag({ idp, client, subject: () => Promise.reject(bug) })({ audience })).rejects.toBe(bug);
  });
});
