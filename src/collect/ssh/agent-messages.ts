import type { ParsedKey } from 'ssh2';

/** Numbers of the agent's protocol (draft-ietf-sshm-ssh-agent). */
export const FAILURE = Buffer.from([5]);
export const REQUEST_IDENTITIES = 11;
export const IDENTITIES_ANSWER = 12;
export const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

/** A message as it goes over the wire: its length first. */
export function framed(message: Buffer): Buffer {
  return field(message);
}

/** Takes messages out of the bytes of a stream, as they become complete. */
export class Messages {
  readonly #limit: number;
  #buffer = Buffer.alloc(0);

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @returns the messages that are complete now, without their lengths
   * @throws Error for one that is too long
   */
  add(bytes: Buffer): readonly Buffer[] {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    const complete: Buffer[] = [];
    while (this.#buffer.length >= 4) {
      const length = this.#buffer.readUInt32BE(0);
      if (length > this.#limit) throw new Error('answers with too much');
      if (this.#buffer.length < 4 + length) break;
      complete.push(this.#buffer.subarray(4, 4 + length));
      this.#buffer = this.#buffer.subarray(4 + length);
    }
    return complete;
  }
}

/** A `SIGN_REQUEST`. */
export interface SignRequest {
  readonly publicKey: Buffer;
  readonly data: Buffer;
  readonly flags: number;
}

/** @throws RangeError for a message that ends too soon */
export function parseSignRequest(message: Buffer): SignRequest {
  const keyEnd = 5 + message.readUInt32BE(1);
  const dataEnd = keyEnd + 4 + message.readUInt32BE(keyEnd);
  return {
    publicKey: message.subarray(5, keyEnd),
    data: message.subarray(keyEnd + 4, dataEnd),
    flags: message.readUInt32BE(dataEnd),
  };
}

/** The answer to a `SIGN_REQUEST`, made with a private key. */
export function signResponse(key: ParsedKey, { data, flags }: SignRequest): Buffer {
  const isRsa = key.type === 'ssh-rsa';
  const hash =
    isRsa && (flags & RSA_SHA2_512) !== 0 ? 'sha512' : isRsa && (flags & RSA_SHA2_256) !== 0 ? 'sha256' : null;
  const signature = hash === null ? key.sign(data) : key.sign(data, hash);
  if (signature instanceof Error) return FAILURE;
  const format = hash === null ? key.type : `rsa-sha2-${hash.slice(3)}`;
  const value = key.type.startsWith('ecdsa-') ? integersOf(signature) : signature;
  const answer = Buffer.concat([field(Buffer.from(format)), field(value)]);
  return Buffer.concat([Buffer.from([SIGN_RESPONSE]), field(answer)]);
}

/** An `IDENTITIES_ANSWER` with keys added at its end; `answer` null: that of an agent that has none. */
export function withIdentities(answer: Buffer | null, keys: readonly { key: Buffer; comment: string }[]): Buffer {
  const isList = answer !== null && answer[0] === IDENTITIES_ANSWER && answer.length >= 5;
  const head = Buffer.alloc(5);
  head[0] = IDENTITIES_ANSWER;
  head.writeUInt32BE((isList ? answer.readUInt32BE(1) : 0) + keys.length, 1);
  const added = keys.flatMap(({ key, comment }) => [field(key), field(Buffer.from(comment))]);
  return Buffer.concat([head, ...(isList ? [answer.subarray(5)] : []), ...added]);
}

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}

/** The two integers of an ECDSA signature: ASN.1 (SEQUENCE of INTEGER) to SSH, where their bytes are the same. */
function integersOf(der: Buffer): Buffer {
  let at = (der[1] ?? 0) < 0x80 ? 2 : 3;
  const integers: Buffer[] = [];
  while (at < der.length) {
    const end = at + 2 + (der[at + 1] ?? 0);
    integers.push(field(der.subarray(at + 2, end)));
    at = end;
  }
  return Buffer.concat(integers);
}
