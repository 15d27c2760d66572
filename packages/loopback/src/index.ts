export { drawRedirectUris } from './draw.ts';
export { isInteractive, reasonNotInteractive } from './interaction.ts';
export { login } from './login.ts';
export type { LoginOptions, PasteStreams } from './options.ts';
export type { LoginPageContent } from './outcome.ts';
export { canReceive, loopbackRedirectUris } from './redirect.ts';
export type { RedirectHost, RedirectUriOptions } from './redirect.ts';
export { printEvent } from './terminal.ts';
