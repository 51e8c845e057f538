import type { Duplex } from 'node:stream';

/** More than any greeting needs. */
const LIMIT = 512;
const SHOWN = 100;

/** What a server says first, before it is known whether it speaks SSH. */
export class FirstWords {
  #heard = Buffer.alloc(0);

  /** Listens along; must be made before the stream flows. */
  constructor(stream: Duplex) {
    const listen = (chunk: Buffer): void => {
      this.#heard = Buffer.concat([this.#heard, chunk]).subarray(0, LIMIT);
      if (this.#heard.length === LIMIT) stream.off('data', listen);
    };
    stream.on('data', listen);
  }

  /** Its first line when that is no greeting of SSH; null: it is one, or nothing was said. */
  get foreign(): string | null {
    const text = this.#heard.toString('latin1');
    const [line = ''] = text.split(/\r?\n/);
    return text === '' || /^SSH-/m.test(text) ? null : line.slice(0, SHOWN);
  }
}

/** sshd says this before it closes a connection that is one too many, or that it punishes (OpenSSH 8.5, 9.8). */
export function isSshdTooBusy(line: string): boolean {
  return /^(Exceeded MaxStartups|Not allowed at this time)/.test(line);
}
