import { fstatSync, writeSync } from 'node:fs';
import { CliError } from './errors.ts';

const STDOUT = 1;

/**
 * Writes the result to stdout, all of it. Node.js takes a file that could hold only half of a text for written, and says
 * nothing: files are written here.
 * @throws CliError when the file cannot hold it
 */
export function writeResult(text: string): void {
  if (isFile()) writeWhole(Buffer.from(text, 'utf8'));
  else process.stdout.write(text);
}

function isFile(): boolean {
  try {
    return fstatSync(STDOUT).isFile();
  } catch {
    // A stream that was put in its place has no such number.
    return false;
  }
}

function writeWhole(bytes: Buffer): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(STDOUT, bytes, at);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`cannot write the result: ${why}`, 'Is the disk full? Write it elsewhere.', { cause: error });
  }
}
