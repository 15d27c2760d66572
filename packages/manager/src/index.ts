export type { Credentials, ResourceTarget, Target } from './credentials.ts';
export type { Grant, GrantRequest } from './custom-grant.ts';
export type { GrantType } from './grant-type.ts';
export { createManager } from './manager.ts';
export type { LogoutOptions, Manager, ManagerLoginOptions, SourceOptions } from './manager-interface.ts';
export type { ManagerOptions } from './options.ts';
export type { StoredSession } from './sessions.ts';
