export { assertConfidentialClient, clientCredentials } from './client-credentials.ts';
