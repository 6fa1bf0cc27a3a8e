import type { Check, Condition, PolicyRule } from '../clauses/condition.ts';
import type { DenyEntry } from './deny-entry.ts';

const PREFIX = 'deny entry ';

/** Entries that name files, folders and programs, as rules: they get identity, guards and all from there. */
export function entryRules(entries: readonly DenyEntry[], mode: 'monitor' | 'enforce'): PolicyRule[] {
  return entries.flatMap((entry): PolicyRule[] => {
    const condition = conditionOf(entry);
    if (condition === undefined) return [];
    const events =
      entry.target.kind === 'exe' ? ['execve', 'execveat'] : ['open', 'openat', 'openat2', 'creat'];
    return [{ name: `${PREFIX}${entry.id}`, condition, events: new Set(events), enforce: 'deny', mode }];
  });
}

/** The entry behind such a rule. */
export function entryOfRule(name: string): number | undefined {
  return name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : undefined;
}

function conditionOf({ target, scope, expires }: DenyEntry): Condition | undefined {
  if (target.kind === 'network' || (expires !== undefined && expires <= Date.now())) return undefined;
  const field = target.kind === 'exe' ? 'proc.exepath' : 'fd.name';
  const whole = Buffer.from(target.path.replace(/(?!^)\/+$/, ''), 'utf8').toString('latin1');
  const tests = [check(field, '=', whole)];
  if (target.kind === 'path') tests.push(check(field, 'startswith', `${whole}/`));
  const object: Condition = { kind: 'or', items: tests };
  if (scope?.kind !== 'user') return object;
  return { kind: 'and', items: [object, check('user.uid', '=', scope.uid)] };
}

function check(field: string, op: string, value: string | number): Condition {
  const made: Check = { field, op, values: [value], text: `${field} ${op} ${value}` };
  return { kind: 'check', check: made };
}
