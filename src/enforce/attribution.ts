import type { Tier } from '../engine/core/alert.ts';
import { codesByNumber, EVENTS } from '../sensors/events/events.ts';
import { RF_FLAG, RF_KIND, RF_OP } from '../sensors/record/layout.gen.ts';
import { OPERATIONS } from './clauses/operations.ts';
import type { DenyView } from './deny/deny-list.ts';
import { entryOfRule } from './deny/deny-objects.ts';
import { GUARD_BIT, guardedWhat } from './kernel/guard.ts';
import { NETWORK, refusedBy, type TierPlan } from './kernel/tiers.ts';
import { type ClauseNames, clauseRule } from './tables/clause-names.ts';
import { type RefusedRecord, ruleOf } from './tables/deny-clauses.ts';
import type { Policy } from './tables/tables.ts';

/** The bit of a record's `clause` that says: the rest is the id of a deny entry. */
const ENTRY_BIT = 0x8000_0000;

/** Policies before the one in force whose refusals can still be told. */
const KEPT_POLICIES = 3;

const REFUSED = RF_FLAG.DENIED | RF_FLAG.KILLED;
const DECIDED = REFUSED | RF_FLAG.WOULD_DENY;

/** Who decided: a rule, by name, an entry of the deny list, or what guards the engine. */
export type Decider =
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'entry'; readonly id: number; readonly entry: DenyView | undefined }
  | { readonly kind: 'guard'; readonly what: string };

/** What a record tells of a decision. */
export interface DecidedRecord extends RefusedRecord {
  readonly clause: number;
  readonly policy: number;
  readonly nr: number;
  readonly flags: number;
  readonly kind: number;
}

interface Sources {
  readonly tiers: TierPlan;
  /** What the clauses of the engine before stood for. */
  readonly before: ClauseNames | undefined;
  readonly entry: (id: number) => DenyView | undefined;
  /** A rule of the policy in force has refused something. */
  readonly refused: (rule: string) => void;
}

/** Finds who decided what a record tells of, and by what mechanism. */
export class Attribution {
  readonly #sources: Sources;
  readonly #codes = codesByNumber();
  /** The one in force and those before it: records of their refusals may still be on the way. */
  #policies: readonly Policy[] = [];

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** From now on this policy is in force. */
  inForce(policy: Policy): void {
    this.#policies = [policy, ...this.#policies.slice(0, KEPT_POLICIES)];
  }

  /** Undefined where the policy that decided is gone. Each record once: a refusal counts for the rule's budget. */
  decider(rec: DecidedRecord): Decider | undefined {
    if ((rec.clause & GUARD_BIT) !== 0 && rec.clause < ENTRY_BIT)
      return { kind: 'guard', what: guardedWhat(rec.clause) };
    if (rec.clause >= ENTRY_BIT) return this.#entry(rec.clause - ENTRY_BIT);
    const name = this.#rule(rec);
    if (name === undefined) return undefined;
    const id = entryOfRule(name);
    if (id !== undefined) return this.#entry(id);
    const now = rec.policy === this.#policies[0]?.generation;
    if (now && (rec.flags & REFUSED) !== 0) this.#sources.refused(name);
    return { kind: 'rule', name };
  }

  /** The mechanism that saw what a record tells of, or that refused it. */
  tierOf(rec: { readonly flags: number; readonly kind: number; readonly nr: number }): Tier {
    if ((rec.flags & DECIDED) === 0) return 'observe';
    const op = this.#operation(rec);
    const operation = OPERATIONS.find((row) => row.op === op)?.name ?? '';
    const { tiers } = this.#sources;
    // By a rule or by an entry, which the wall asks wherever it stands.
    if (NETWORK.has(operation)) return tiers.network;
    // What was decided was decided by something: asked for killing, which more tiers can.
    return refusedBy(tiers, operation, 'kill') ?? 'observe';
  }

  #entry(id: number): Decider {
    return { kind: 'entry', id, entry: this.#sources.entry(id) };
  }

  #rule(rec: DecidedRecord): string | undefined {
    const op = this.#operation(rec);
    const policy = this.#policies.find(({ generation }) => generation === rec.policy);
    const owner = policy?.classes.find((c) => c.op === op)?.clauses[rec.clause - 1];
    if (owner !== undefined) return ruleOf(owner, rec);
    const { before } = this.#sources;
    return before?.generation === rec.policy ? clauseRule(before, op, rec.clause) : undefined;
  }

  /** The number of the operation, RF_OP; -1 = none. */
  #operation(rec: { readonly kind: number; readonly nr: number }): number {
    if (rec.kind === RF_KIND.EXEC) return RF_OP.EXEC;
    const def = EVENTS[this.#codes[rec.nr] ?? -1];
    return def === undefined ? -1 : RF_OP[def.op];
  }
}
