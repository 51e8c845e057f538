import type { MatchAnswer } from './match-answer.ts';
import { answered, compared } from './match-answer.ts';
import { known, unknown } from './packet.ts';

/**
 * `-i` and `-o`. A trailing `+` compares the beginning only. Where a hook has no such interface (in: OUTPUT,
 * POSTROUTING of the node's own packets; out: PREROUTING, INPUT) the kernel compares with the empty name: `-i eth0`
 * never holds there, `! -i eth0` always does.
 */
export function matchInterface(
  pattern: string,
  names: readonly string[] | null,
  negated: boolean,
  side: 'in' | 'out',
): MatchAnswer {
  const answers = new Set(names?.map((name) => fits(pattern, name)));
  const [answer] = answers;
  if (answers.size === 1 && answer !== undefined) return compared(answer, negated);
  const because = `the ${side === 'in' ? 'incoming' : 'outgoing'} interface is not known`;
  return answered(pattern === '+' ? known(true) : unknown(because), negated, `${side}-interface ${pattern}`);
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
