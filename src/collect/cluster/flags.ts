import { homedir } from 'node:os';
import { isatty } from 'node:tty';

/** kubectl's flags with kubectl's meanings; what is absent was not given. */
export interface ClusterFlags {
  /** Only this file; unlike the files of $KUBECONFIG it must exist. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly server?: string;
  readonly token?: string;
  readonly namespace?: string;
  readonly certificateAuthority?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly tlsServerName?: string;
  readonly as?: string;
  readonly asGroups?: readonly string[];
  readonly asUid?: string;
  /** Values by key, as `--as-user-extra key=value` gives them. */
  readonly asUserExtra?: ReadonlyMap<string, readonly string[]>;
  /** Milliseconds for one request; 0: no limit. Absent: {@link DEFAULT_REQUEST_TIMEOUT_MS}. */
  readonly requestTimeout?: number;
}

/** A server that accepts the connection and says nothing would hold the program for ever. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** What the reading of the cluster takes from the process it runs in. */
export interface ClusterEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  /** Relative paths of flags and of $KUBECONFIG start here. */
  readonly workingDirectory: string;
  /** Standard input is a terminal: a credential plugin may ask questions. */
  readonly interactive: boolean;
  /** Where a pod finds its service account. */
  readonly serviceAccountDirectory: string;
  /** One line for people, on stderr. */
  readonly warn: (message: string) => void;
  /** How often and how patiently a GET is repeated; tests shorten it. */
  readonly retry?: Partial<RetryPolicy>;
}

export interface RetryPolicy {
  /** Repetitions when the server said how long to wait. */
  readonly throttled: number;
  /** Repetitions when it did not: 5xx, connection reset. */
  readonly broken: number;
  /** First wait in milliseconds; doubles each time, with full jitter. */
  readonly baseDelayMs: number;
  /** Longest single wait in milliseconds. */
  readonly maxDelayMs: number;
  /** All attempts of one request together, in milliseconds. */
  readonly budgetMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  throttled: 10,
  broken: 3,
  baseDelayMs: 800,
  maxDelayMs: 60_000,
  budgetMs: 120_000,
};

/** The environment of this process. */
export function processEnvironment(warn: (message: string) => void): ClusterEnvironment {
  return {
    variables: process.env,
    // kubectl goes by $HOME; os.homedir() does too and knows Windows' variables.
    homeDirectory: homedir(),
    workingDirectory: process.cwd(),
    interactive: isatty(0),
    serviceAccountDirectory: '/var/run/secrets/kubernetes.io/serviceaccount',
    warn,
  };
}
