import type { WriteStream } from 'node:tty';
import type { ProgressEvent } from '../collect/collect.ts';

/** One line on a terminal that says what is being waited for; nothing anywhere else. */
export class Progress {
  readonly #stream: Pick<WriteStream, 'write'>;
  readonly #visible: boolean;

  constructor(stream: Pick<WriteStream, 'write'>, visible: boolean) {
    this.#stream = stream;
    this.#visible = visible;
  }

  show(event: ProgressEvent): void {
    if (this.#visible) this.#stream.write(`${CLEAR}${textOf(event)}`);
  }

  end(): void {
    if (this.#visible) this.#stream.write(CLEAR);
  }
}

/** Carriage return, erase to the end of the line. */
const CLEAR = '\r\u001b[K';

function textOf(event: ProgressEvent): string {
  return event.kind === 'cluster' ? 'reading the cluster …' : `reading nodes … ${event.done} of ${event.all}`;
}
