import type { DebugPodHost, DebugPodPlan } from '../collect/pods/debug-pod-way.ts';
import { hasTerminal, questions } from '../collect/questions.ts';
import { neutral } from '../render/neutral.ts';
import type { Session } from './session.ts';

/** Asks on the terminal before pods are made, once in a run; `isAgreed`: a flag has said yes already. */
export function debugPodHost(session: Session, isAgreed: boolean): DebugPodHost {
  if (isAgreed) session.agreed = true;
  return {
    canAgree: session.agreed ?? hasTerminal(),
    agree: async (plan, signal) => {
      session.agreed ??= await ask(plan, signal);
      return session.agreed;
    },
    say: (line) => void process.stderr.write(`${neutral(line)}\n`),
    hold: (leftover) => session.hold(leftover),
  };
}

async function ask({ namespace, images, nodes }: DebugPodPlan, signal: AbortSignal): Promise<boolean> {
  const pods = nodes.length === 1 ? 'A pod' : `${nodes.length} pods`;
  const where = `on ${nodes.slice(0, SHOWN).join(', ')}${nodes.length > SHOWN ? ', …' : ''}`;
  const prompt = `${pods} would have to be made in namespace ${namespace} ${where} (image ${images.join(', ')}). Make them? [y/N] `;
  const answer = await questions.talk(async (terminal) => terminal.readLine(neutral(prompt), signal));
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

const SHOWN = 3;
