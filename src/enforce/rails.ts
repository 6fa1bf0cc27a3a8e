import type { Condition, PolicyRule } from './clauses/condition.ts';
import { PROTECTED_MARK } from './tables/tables.ts';

/**
 * Executables that no rule refuses anything to where root executed them on the host: a mistake in a rule must not lock the administrator out or take the
 * service manager down.
 */
export const PROTECTED_EXECUTABLES: readonly string[] = [
  '/usr/lib/systemd/systemd',
  '/lib/systemd/systemd',
  '/usr/sbin/sshd',
  '/usr/lib/openssh/sshd-session',
  '/usr/bin/containerd',
  '/usr/bin/dockerd',
  '/usr/bin/runc',
  '/usr/sbin/runc',
  '/usr/bin/crun',
];

/** What takes the protected executables out of rules. An exec rule speaks of the new program, not of who starts it. */
export function protector(executables: readonly string[]): (rule: PolicyRule) => PolicyRule {
  if (executables.length === 0) return (rule) => rule;
  const isProtected: Condition = {
    kind: 'check',
    check: {
      field: 'proc.exepath',
      op: 'in',
      values: executables.map((path) => `${PROTECTED_MARK}${path}`),
      text: 'the protected executables',
    },
  };
  return (rule) => (rule.enforce === 'none' ? rule : { ...rule, exempt: isProtected });
}

const MINUTE_MS = 60_000;

/** Counts refusals by rule; a rule above its budget shall only watch from then on. */
export class Budget {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #windows = new Map<string, { since: number; count: number }>();
  readonly #tripped = new Set<string>();

  /** `perMinute` 0 = without limit. */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  get tripped(): ReadonlySet<string> {
    return this.#tripped;
  }

  /** Counts one refusal; true when this one exceeds the budget for the first time. */
  spend(rule: string): boolean {
    if (this.#perMinute === 0 || this.#tripped.has(rule)) return false;
    const now = this.#now();
    const window = this.#windows.get(rule);
    if (window === undefined || now - window.since >= MINUTE_MS) {
      this.#windows.set(rule, { since: now, count: 1 });
      return false;
    }
    window.count++;
    if (window.count <= this.#perMinute) return false;
    this.#tripped.add(rule);
    return true;
  }

  /** Lets all rules act again. */
  reset(): void {
    this.#tripped.clear();
    this.#windows.clear();
  }
}
