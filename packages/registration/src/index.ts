export { clientMetadataDocument } from './document.ts';
export type { ClientDocumentMembers, ClientMetadataDocument } from './document.ts';
export { deleteClient, readClient, updateClient } from './manage.ts';
export type { ClientMetadata } from './metadata.ts';
export { registerClient } from './register.ts';
export type { RegistrationOptions } from './register.ts';
