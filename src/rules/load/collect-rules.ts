/** Entries of the kind `rule`: definitions, appends, overrides, toggles. */
import { checkException, isFilled } from './exceptions.ts';
import type { RuleItem } from './items.ts';
import {
  checkOverrideKeys,
  OVERRIDE_WITH_APPEND,
  type Overrides,
  readAppendFlag,
  readOverrides,
} from './override.ts';
import type { EntryReader } from './reader.ts';
import { APPENDABLE, REPLACEABLE, RULE_KEYS, readRuleKeys } from './rule-keys.ts';
import type { Shelf } from './shelf.ts';
import type { Place } from './source.ts';
import { OriginText } from './text.ts';

const ENABLED_WARNING =
  "an entry with nothing but 'enabled' is deprecated: add 'override: {enabled: replace}' to it";

const OTHER_SOURCE = 'Rule has been re-defined with a different source';

/** Puts rules on the shelf. */
export class RuleCollector {
  private readonly shelf: Shelf;

  constructor(shelf: Shelf) {
    this.shelf = shelf;
  }

  /** Reads an entry of the kind `rule`. */
  read(entry: EntryReader, name: string): void {
    entry.checkKeys(RULE_KEYS);
    const append = readAppendFlag(entry);
    const overrides = readOverrides(entry, APPENDABLE, REPLACEABLE);
    if (overrides === undefined) return;
    const overriding = overrides.append.size + overrides.replace.size > 0;
    if (append && overriding) entry.fail(OVERRIDE_WITH_APPEND);
    else if (overriding) this.overrideRule(entry, name, overrides);
    else if (append) this.appendRule(entry, name, new Set(['condition', 'exceptions']));
    else if (!['condition', 'output', 'desc', 'priority'].some((key) => entry.map.has(key)))
      this.toggleRule(entry, name);
    else this.defineRule(entry, name);
  }

  private overrideRule(entry: EntryReader, name: string, overrides: Overrides): void {
    checkOverrideKeys(entry, overrides, REPLACEABLE);
    if (overrides.append.size > 0) this.appendRule(entry, name, overrides.append);
    if (overrides.replace.size > 0) this.replaceRule(entry, name, overrides.replace);
  }

  private appendRule(entry: EntryReader, name: string, keys: ReadonlySet<string>): void {
    const update = readRuleKeys(entry, keys, true);
    if (!entry.ok) return;
    const rule = this.target(
      entry,
      name,
      "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists",
    );
    if (rule === undefined) return;
    if (Object.keys(update).length === 0) {
      entry.fail(
        'Appended rule must have exceptions or condition property',
        entry.place,
        'LOAD_ERR_VALIDATE',
      );
      return;
    }
    if (update.condition !== undefined)
      rule.condition = OriginText.join([rule.condition, ' ', update.condition]);
    if (update.output !== undefined) rule.output = `${rule.output} ${update.output}`;
    if (update.desc !== undefined) rule.desc = `${rule.desc} ${update.desc}`;
    if (update.tags !== undefined) rule.tags = new Set([...rule.tags, ...update.tags]);
    if (update.exceptions !== undefined) this.appendExceptions(entry, rule, update.exceptions);
    rule.visibility = this.shelf.order++;
  }

  private appendExceptions(entry: EntryReader, rule: RuleItem, added: RuleItem['exceptions']): void {
    const all = [...rule.exceptions];
    const fail = (message: string, place: Place): undefined =>
      entry.fail(message, place, 'LOAD_ERR_VALIDATE');
    for (const exception of added) {
      const at = all.findIndex((other) => other.name === exception.name);
      if (at < 0) {
        if (!isFilled(exception.fields)) {
          fail('Rule exception must have fields property with a list of fields', exception.place);
        } else if (exception.values.length === 0) {
          fail('Rule exception must have values property with a list of values', exception.place);
        } else {
          all.push(...this.checkExceptions(entry, [exception], rule.unknownSource));
        }
      } else if (isFilled(exception.fields)) {
        fail('Can not append exception fields to existing exception, only values', exception.place);
      } else if (isFilled(exception.comps)) {
        fail('Can not append exception comps to existing exception, only values', exception.place);
      } else {
        all[at] = { ...all[at]!, values: [...all[at]!.values, ...exception.values] };
      }
    }
    rule.exceptions = all;
  }

  private replaceRule(entry: EntryReader, name: string, keys: ReadonlySet<string>): void {
    const update = readRuleKeys(entry, keys, false);
    if (!entry.ok) return;
    const rule = this.target(
      entry,
      name,
      "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists",
    );
    if (rule === undefined) return;
    if (update.exceptions !== undefined) {
      update.exceptions = this.checkExceptions(entry, update.exceptions, rule.unknownSource);
    }
    Object.assign(rule, update);
    rule.visibility = this.shelf.order++;
  }

  private toggleRule(entry: EntryReader, name: string): void {
    if (entry.required('enabled') === undefined) return;
    const enabled = entry.boolean('enabled');
    if (enabled === undefined) return;
    this.shelf.options.report.warning('LOAD_DEPRECATED_ITEM', ENABLED_WARNING, entry.place);
    const rule = this.target(entry, name, "Rule has 'enabled' key but no rule by that name already exists");
    if (rule !== undefined) rule.enabled = enabled;
  }

  /** The rule that an entry changes; undefined after an error, `message` when there is none. */
  private target(entry: EntryReader, name: string, message: string): RuleItem | undefined {
    const source = entry.optional('source');
    if (!entry.ok) return undefined;
    const rule = this.shelf.rules.get(name);
    if (rule === undefined) {
      this.shelf.missing(entry, 'rule', name, message);
      return undefined;
    }
    if (source === undefined || source === rule.source) return rule;
    return entry.fail(OTHER_SOURCE, entry.place, 'LOAD_ERR_VALIDATE');
  }

  private defineRule(entry: EntryReader, name: string): void {
    for (const key of ['condition', 'output', 'desc', 'priority']) entry.required(key);
    const source = entry.optional('source') ?? 'syscall';
    const update = readRuleKeys(entry, new Set(REPLACEABLE), false);
    if (!entry.ok) return;
    const known = this.shelf.rules.get(name);
    if (known !== undefined && known.source !== source) {
      entry.fail(OTHER_SOURCE, entry.place, 'LOAD_ERR_VALIDATE');
      return;
    }
    const unknownSource = !this.shelf.options.sources.includes(source);
    if (unknownSource) {
      this.shelf.options.report.warning(
        'LOAD_UNKNOWN_SOURCE',
        `Unknown source ${source}, skipping`,
        entry.place,
      );
    }
    const exceptions = this.checkExceptions(entry, update.exceptions ?? [], unknownSource);
    this.shelf.rules.set(name, {
      name,
      place: entry.place,
      index: known?.index ?? this.shelf.order,
      visibility: this.shelf.order++,
      source,
      unknownSource,
      condition: update.condition!,
      output: update.output!,
      outputPlace: update.outputPlace!,
      desc: update.desc!,
      priority: update.priority!,
      enabled: update.enabled ?? true,
      tags: update.tags ?? new Set(),
      exceptions,
      capture: update.capture ?? false,
      captureDuration: update.captureDuration ?? 0,
      warnEvttypes: update.warnEvttypes ?? true,
      skipIfUnknownFilter: update.skipIfUnknownFilter ?? false,
      enforce: update.enforce ?? 'none',
      respond: update.respond ?? [],
      mode: update.mode,
      fail: update.fail,
      scope: update.scope,
    });
  }

  private checkExceptions(
    entry: EntryReader,
    exceptions: RuleItem['exceptions'],
    unknownSource: boolean,
  ): RuleItem['exceptions'] {
    const isField = unknownSource ? () => true : this.shelf.options.isField;
    return exceptions.flatMap((exception) => {
      const checked = checkException(exception, this.shelf.options.report, isField);
      if (checked === undefined) this.shelf.broken.rule.add(entry.place.steps[0]!.name);
      return checked === undefined ? [] : [checked];
    });
  }
}
