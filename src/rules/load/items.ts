/** What the entries of rule files say, before anything is resolved. */
import type { Priority } from '../../engine/core/priority.ts';
import type { Place } from './source.ts';
import type { OriginText } from './text.ts';

interface Item {
  readonly name: string;
  readonly place: Place;
  /** Order of first definition. */
  index: number;
  /** Order of the last definition, append or replacement: what the item can see. */
  visibility: number;
}

export interface ListItem extends Item {
  items: readonly string[];
}

export interface MacroItem extends Item {
  condition: OriginText;
}

export interface RuleItem extends Item {
  condition: OriginText;
  output: string;
  outputPlace: Place;
  desc: string;
  priority: Priority;
  readonly source: string;
  enabled: boolean;
  tags: ReadonlySet<string>;
  exceptions: readonly Exception[];
  capture: boolean;
  captureDuration: number;
  warnEvttypes: boolean;
  skipIfUnknownFilter: boolean;
  enforce: Enforce;
  respond: readonly Response[];
  mode: Mode | undefined;
  fail: FailMode | undefined;
  scope: Scope | undefined;
  readonly unknownSource: boolean;
}

/** Fields of a rule that an append or a replacement brings along. */
export type RuleUpdate = {
  -readonly [K in keyof Omit<
    RuleItem,
    'name' | 'place' | 'index' | 'visibility' | 'source' | 'unknownSource'
  >]?: RuleItem[K];
};

/** A scalar or a list, as exceptions nest them. */
export type Entry = string | readonly Entry[];

export interface Exception {
  readonly name: string;
  readonly place: Place;
  readonly fields: Entry | undefined;
  readonly comps: Entry | undefined;
  readonly values: readonly ExceptionValue[];
}

export interface ExceptionValue {
  readonly entry: Entry;
  readonly place: Place;
}

/** What the kernel does when the rule matches. */
export type Enforce = 'none' | 'deny' | 'kill';
export type Mode = 'monitor' | 'enforce';
/** What happens to the operation when the kernel cannot evaluate the rule. */
export type FailMode = 'open' | 'closed';

/** Something the engine does after the alert: `deny_ip: {ttl: 10m}`. */
export interface Response {
  readonly action: string;
  readonly options: Readonly<Record<string, string>>;
}

/** To whom a rule's enforcement applies. */
export type Scope =
  | { readonly kind: 'all' | 'host' | 'containers' }
  | { readonly kind: 'cgroup'; readonly paths: readonly string[] };

export interface PluginRequirement {
  readonly alternatives: readonly { readonly name: string; readonly version: string }[];
  readonly place: Place;
}
