import Check from './check.ts';
import Collect from './collect.ts';
import Explain from './explain.ts';
import Rbac from './rbac.ts';
import Rules from './rules.ts';
import Version from './version.ts';

/** All commands, by the word that calls them. */
export const COMMANDS = {
  check: Check,
  collect: Collect,
  explain: Explain,
  rbac: Rbac,
  rules: Rules,
  version: Version,
};
