export { startJmondiServer } from './jmondi.ts';
export { startMcpServer } from './mcp.ts';
export { startMockServer } from './mock.ts';
export { startNodeOauthServer } from './node-oauth.ts';
export { startSdkServer } from './sdk.ts';
export type { LoggedRequest, OtherServer } from './serve.ts';
