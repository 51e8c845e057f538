/**
 * What `work` comes to, or `stopped()` as a failure once the signal says so, whichever is first. The work is not ended by
 * it: it may be somebody else's too.
 */
export async function untilStopped<T>(work: Promise<T>, signal: AbortSignal, stopped: () => Error): Promise<T> {
  let stopListening = (): void => undefined;
  const onStop = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(stopped());
    stopListening = () => signal.removeEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, onStop]);
  } finally {
    stopListening();
  }
}
