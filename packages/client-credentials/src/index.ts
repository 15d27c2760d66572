export { clientCredentials } from './client-credentials.ts';
