/** The keys of a rule, as values. */
import { parsePriority } from '../../engine/core/priority.ts';
import { OWN_KEYS, readEnforcement } from './enforcement.ts';
import { readExceptions } from './exceptions.ts';
import type { RuleUpdate } from './items.ts';
import type { EntryReader } from './reader.ts';
import { OriginText } from './text.ts';

/** Keys that `override` can append to. */
export const APPENDABLE = ['condition', 'output', 'desc', 'tags', 'exceptions'];
/** Keys that `override` can replace. */
export const REPLACEABLE = [
  ...APPENDABLE,
  'priority',
  'enabled',
  'warn_evttypes',
  'skip-if-unknown-filter',
  'capture',
  'capture_duration',
  ...OWN_KEYS,
];
/** All keys of a rule. */
export const RULE_KEYS = ['rule', 'source', 'append', 'override', ...REPLACEABLE];
/** Reads the given keys of a rule, as far as they are there. */
export function readRuleKeys(entry: EntryReader, keys: ReadonlySet<string>, appending: boolean): RuleUpdate {
  const update: RuleUpdate = {};
  const wants = (key: string): boolean => keys.has(key) && entry.map.has(key);
  if (wants('condition') && entry.optional('condition') !== undefined) {
    update.condition = OriginText.fromScalar(
      entry.map.get('condition'),
      entry.at('condition', 'rule condition'),
    );
  }
  if (wants('output')) {
    const output = entry.optional('output')?.trim();
    if (output !== undefined) {
      update.output = output;
      if (!appending) update.outputPlace = entry.at('output', 'rule output');
    }
  }
  const desc = wants('desc') ? entry.optional('desc') : undefined;
  if (desc !== undefined) update.desc = desc;
  if (wants('priority')) {
    const text = entry.optional('priority');
    const priority = text === undefined ? undefined : parsePriority(text);
    if (priority !== undefined) update.priority = priority;
    else if (text !== undefined) {
      const help = 'use one of emergency, alert, critical, error, warning, notice, informational, debug';
      entry.fail('Invalid priority', entry.at('priority', 'rule priority'), undefined, help);
    }
  }
  if (wants('tags')) {
    const tags = entry.texts('tags');
    if (tags !== undefined) update.tags = new Set(tags);
  }
  if (wants('exceptions')) {
    const exceptions = readExceptions(entry, appending);
    if (exceptions !== undefined) update.exceptions = exceptions;
  }
  if (appending) return update;
  const flags = [
    ['enabled', 'enabled'],
    ['capture', 'capture'],
    ['warn_evttypes', 'warnEvttypes'],
    ['skip-if-unknown-filter', 'skipIfUnknownFilter'],
  ] as const;
  for (const [key, property] of flags) {
    const value = wants(key) ? entry.boolean(key) : undefined;
    if (value !== undefined) update[property] = value;
  }
  const duration = wants('capture_duration') ? entry.unsigned('capture_duration') : undefined;
  if (duration !== undefined) update.captureDuration = duration;
  if (OWN_KEYS.some(wants)) {
    const own = readEnforcement(entry);
    if (wants('enforce') && own.enforce !== undefined) update.enforce = own.enforce;
    if (wants('respond') && own.respond !== undefined) update.respond = own.respond;
    if (wants('mode')) update.mode = own.mode;
    if (wants('fail')) update.fail = own.fail;
    if (wants('scope')) update.scope = own.scope;
  }
  return update;
}
