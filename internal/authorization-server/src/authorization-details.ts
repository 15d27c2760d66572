import { isDeepStrictEqual } from 'node:util';
import {
  errors,
  type AuthorizationDetail,
  type KoaContextWithOIDC,
  type RichAuthorizationRequestsActiveConfiguration,
} from 'oidc-provider';

/**
 * Rich authorization requests (RFC 9396) of the type `payment`, with an `amount`. The server adds the account of the user to what it
 * grants (section 7.1). A token request may ask for no more than what was granted (section 6).
 */
export const authorizationDetails = {
  enabled: true,
  types: {
    payment: {
      validate(_ctx, { amount }) {
        if (typeof amount !== 'string') throw new errors.InvalidAuthorizationDetails('a payment needs an amount');
      },
    },
  },
  authorizationDetailsForGrantSource: (ctx) => requestedDetails(ctx)?.map(grantDetail),
  authorizationDetailsForAccessToken(ctx, _token, source) {
    const requested = requestedDetails(ctx);
    if (source === undefined) return requested?.map(grantDetail);
    const granted: readonly AuthorizationDetail[] = source.rar ?? [];
    if (requested?.some((each) => !granted.some((detail) => isDeepStrictEqual(detail, each))))
      throw new errors.InvalidAuthorizationDetails('more than what was granted');
    return requested ?? granted;
  },
  authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
} satisfies RichAuthorizationRequestsActiveConfiguration;

function requestedDetails({ oidc: { params } }: KoaContextWithOIDC): AuthorizationDetail[] | undefined {
  const { authorization_details } = params ?? {};
  return typeof authorization_details === 'string'
    ? (JSON.parse(authorization_details) as AuthorizationDetail[])
    : undefined;
}

function grantDetail(detail: AuthorizationDetail): AuthorizationDetail {
  return { ...detail, account: 'current' };
}
