/** What the user said on the command line about SSH; it wins over ssh_config. */
export interface SshSettings {
  readonly user?: string;
  /** Private key files. */
  readonly keys?: readonly string[];
  readonly port?: number;
  /** An ssh_config file to use instead of the user's and the system's. */
  readonly config?: string;
}

/** A node and the hosts to try for it, best first. */
export interface SshTarget {
  readonly node: string;
  readonly addresses: readonly string[];
}

/** The settings for a hop on the way: as with OpenSSH, the other flags are for the node alone. */
export function forHop(settings: SshSettings): SshSettings {
  return settings.config === undefined ? {} : { config: settings.config };
}

/** The command line of `ssh` that does what the settings say, to be shown to people. */
export function sshCommandFor(host: string, settings: SshSettings): string {
  return ['ssh', ...sshFlags(settings), host].join(' ');
}

/** The flags of OpenSSH's client for the settings. */
export function sshFlags(settings: SshSettings): readonly string[] {
  return [
    ...(settings.config === undefined ? [] : ['-F', settings.config]),
    ...(settings.user === undefined ? [] : ['-l', settings.user]),
    ...(settings.port === undefined ? [] : ['-p', String(settings.port)]),
    ...(settings.keys ?? []).flatMap((key) => ['-i', key]),
  ];
}
