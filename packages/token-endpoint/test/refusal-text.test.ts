import { describe, expect, it } from 'vitest';
import { namesRefreshToken, namesRefusedRefreshToken, namesRefusedToken } from '../src/refusal-text.ts';

describe('namesRefusedRefreshToken', () => {
  it.each([
    'invalid_grant',
    'Invalid grant',
    'invalid_refresh_token',
    'INVALID_REFRESH_TOKEN',
    'RefreshTokenExpired',
    'refresh_token_expired',
    'refresh_token_not_found',
    'refresh_token_already_used',
    'expired-refresh-token',
    'Invalid Refresh Token: Refresh Token Not Found',
    'Invalid Refresh Token: Already Used',
    'Unknown or invalid refresh token.',
    'Incorrect or invalid refresh token',
    'missing or invalid refresh token',
    'The refresh token is invalid or expired.',
    'The refresh token passed is incorrect or expired.',
    'The provided authorization grant or refresh token is invalid, expired or revoked',
    'AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2026-01-01.',
    'Refresh Token has been revoked',
    'Refresh token has been used already',
    'The refresh token was already used.',
    'refreshToken is no longer valid',
    'refresh token is not valid',
    'The refresh token could not be found',
    'The refresh token does not exist',
    "We couldn't find the refresh token",
    'Cannot find refresh token',
    'No such refresh token',
    'No refresh token found',
    'Not a valid refresh token',
    'Reuse of the refresh token',
    'Refresh token reuse detected',
    'Refresh token with the identifier 5f2 has expired',
    'Expired or revoked refresh tokens are refused. Your refresh token is expired.',
    'Failed to refresh token: the refresh token is revoked',
    'Error: refresh token unknown; log in again',
    'Das Refresh-Token ist abgelaufen.',
    'Ungültiges Refresh-Token',
    'El refresh token ha expirado',
    'Le refresh token est invalide',
    'refresh_token已过期',
    'Invalid refresh token (expired): eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi',
    'The refresh token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi-jkl_mno-pqr_stu is expired',
  ])('is true for %j', (text) => {
    expect(namesRefusedRefreshToken(text)).toBe(true);
  });

  it.each([
    '',
    'Invalid grant type',
    'invalid_grant_type',
    'Bad request',
    'unknown',
    'Refresh token is required',
    'Missing refresh_token parameter',
    'Refresh token is valid',
    'The refresh token is not expired',
    'The refresh token is valid, but the client is unknown',
    'Could not refresh token: invalid client',
    'Could not refresh token, unknown error',
    'Refresh token error: unknown error',
    'refresh token failed with an unknown error',
    'Invalid scope for refresh token',
    'The client is invalid for the refresh token',
    'refresh_token grant type is invalid',
    'Refresh token rotation is malformed',
    'Check whether the refresh token is expired',
    'If the refresh token is expired, log in again',
    'The refresh token may be expired',
    'The refresh token must not be used twice',
    'Too many refresh token requests',
    'Refresh token has been used too often',
    'The rate limit of expired refresh tokens is reached',
    'Access token expired, use a refresh token',
    'Access token is expired',
    'Refresh token lookup: database is unknown',
    `${'x '.repeat(600)} invalid refresh token`,
  ])('is false for %j', (text) => {
    expect(namesRefusedRefreshToken(text)).toBe(false);
  });
});

describe('namesRefreshToken', () => {
  it.each(['refresh_token is invalid', 'The refresh token was issued to another client', 'Bad refreshToken'])(
    'is true for %j',
    (text) => {
      expect(namesRefreshToken(text)).toBe(true);
    },
  );

  it.each([
    '',
    'The client is unknown',
    'The client may not use the grant type refresh_token',
    'refresh_token grant is not allowed for this client',
    'The client is not allowed to use refresh_token',
    'Could not refresh token',
  ])('is false for %j', (text) => {
    expect(namesRefreshToken(text)).toBe(false);
  });
});

describe('namesRefusedToken', () => {
  it.each([
    'Token has been expired or revoked.',
    'Token is expired',
    'token_expired',
    'token_revoked',
    'This token has expired',
    'The provided token was revoked.',
    'Token is invalid or expired',
    'Token is not active',
    'Token already used',
    'expired token',
    'Token reuse detected',
    'Error: token revoked',
  ])('is true for %j', (text) => {
    expect(namesRefusedToken(text)).toBe(true);
  });

  it.each([
    '',
    'Access token expired',
    'access_token_expired',
    'The client assertion token has expired',
    'CSRF token expired',
    'Token signing key expired',
    'Token endpoint is invalid',
    'Invalid token type',
    'Token is not expired',
    'Token is valid',
    'A token is required',
    'Too many expired tokens',
    'Session expired',
  ])('is false for %j', (text) => {
    expect(namesRefusedToken(text)).toBe(false);
  });
});
