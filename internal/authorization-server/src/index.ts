export type { AgentChoice } from './agent.ts';
export type { LoggedRequest } from './log.ts';
export { startProtectedApi, type ProtectedApi } from './protected-api.ts';
export { startAuthorizationServer, type AuthorizationServerHandle, type ValidToken } from './server.ts';
export { startWorkloadPlatform, type WorkloadPlatform } from './workload-platform.ts';
