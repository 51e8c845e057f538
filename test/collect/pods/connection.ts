import { connectCluster, type ClusterConnection } from '../../../src/collect/cluster/index.ts';

/** A connection to a server for tests, from an environment in which there is nothing; failures are not repeated. */
export async function connectionTo(server: string, requestTimeout?: number): Promise<ClusterConnection> {
  const nowhere = '/nowhere';
  return connectCluster(
    { server, ...(requestTimeout === undefined ? {} : { requestTimeout }) },
    {
      variables: {},
      homeDirectory: nowhere,
      workingDirectory: nowhere,
      interactive: false,
      serviceAccountDirectory: nowhere,
      warn: () => undefined,
      retry: { broken: 0 },
    },
  );
}
