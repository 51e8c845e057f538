export { SshLogins } from './connect.ts';
export { quoteForPosixShell } from './quote.ts';
export type { SshSettings, SshTarget } from './settings.ts';
