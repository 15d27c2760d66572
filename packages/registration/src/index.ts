export { deleteClient, readClient, updateClient } from './manage.ts';
export type { ClientMetadata } from './metadata.ts';
export { registerClient } from './register.ts';
export type { RegistrationOptions } from './register.ts';
