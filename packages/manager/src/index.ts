export type { Credentials, GrantType, ResourceTarget, Target } from './credentials.ts';
export { createManager } from './manager.ts';
export type { LogoutOptions, Manager } from './manager.ts';
export type { ManagerOptions } from './options.ts';
