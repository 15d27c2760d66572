export { awaitDeviceLogin } from './await.ts';
export type { DeviceLoginOptions } from './await.ts';
export type { DeviceLogin } from './device-login.ts';
export { startDeviceLogin } from './start.ts';
export { deviceLoginText } from './text.ts';
