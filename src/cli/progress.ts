import type { WriteStream } from 'node:tty';
import type { ProgressEvent } from '../collect/collect.ts';

/** One line on a terminal that says what is being waited for; nothing anywhere else. */
export class Progress {
  readonly #stream: Pick<WriteStream, 'write'>;
  readonly #visible: boolean;
  #isHeld = false;

  constructor(stream: Pick<WriteStream, 'write'>, visible: boolean) {
    this.#stream = stream;
    this.#visible = visible;
  }

  show(event: ProgressEvent | SettleEvent): void {
    if (this.#visible && !this.#isHeld) this.#stream.write(`${CLEAR}${textOf(event)}`);
  }

  /** Leaves the line to somebody else, who asks the person something. */
  hold(isHeld: boolean): void {
    if (isHeld) this.end();
    this.#isHeld = isHeld;
  }

  end(): void {
    if (this.#visible && !this.#isHeld) this.#stream.write(CLEAR);
  }
}

/** Something was found, and is looked at again in so many seconds. */
export interface SettleEvent {
  readonly kind: 'settle';
  readonly seconds: number;
}

/** Carriage return, erase to the end of the line. */
const CLEAR = '\r\u001b[K';

function textOf(event: ProgressEvent | SettleEvent): string {
  switch (event.kind) {
    case 'cluster':
      return 'reading the cluster …';
    case 'nodes':
      return `reading nodes … ${event.done} of ${event.all}`;
    case 'settle':
      return `something differs: looking again in ${event.seconds} s …`;
  }
}
