import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { CONTROL_PLANE } from './topology.ts';

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The lab's own client of its API server. */
export class Api {
  private readonly agent: Agent;

  constructor(certificates: string) {
    const read = (name: string): string => readFileSync(join(certificates, name), 'utf8');
    this.agent = new Agent({ keepAlive: true, ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') });
  }

  /** The answer's text, as the server sent it. */
  send(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<string> {
    return new Promise((resolve, reject) => {
      const target = { host: CONTROL_PLANE.ip, port: CONTROL_PLANE.port, agent: this.agent, timeout: 10_000 };
      const call = request({ ...target, method, path, headers: { 'Content-Type': contentType } }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const status = answer.statusCode ?? 0;
          if (status < 300) resolve(text);
          else reject(new ApiError(status, `${method} ${path}: ${status} ${text.slice(0, 500)}`));
        });
      });
      call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer`)));
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.send('GET', path)) as T;
  }

  /** What is already there stays as it is. */
  async create(path: string, object: unknown): Promise<void> {
    await this.send('POST', path, object).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    });
  }

  async patchStatus(path: string, status: unknown): Promise<void> {
    await this.send('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
  }

  /** At once: there is no kubelet that would confirm the end of a pod. */
  async delete(path: string): Promise<void> {
    await this.send('DELETE', `${path}?gracePeriodSeconds=0`).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
  }
}
