export { isAssertionRefused } from './assertion-refused.ts';
export { exchangeToken } from './exchange-token.ts';
export type { ExchangedToken, ExchangeParameters } from './exchange-token.ts';
export { idJag } from './id-jag.ts';
export type { IdJagRequest } from './id-jag.ts';
export { jwtBearer } from './jwt-bearer.ts';
export type { JwtBearerParameters } from './jwt-bearer.ts';
export { keptIdToken } from './kept-id-token.ts';
