/** Rule files → lists, macros and rules with their appends, overrides and redefinitions applied, nothing resolved. */
import { parsePriority } from '../../engine/core/priority.ts';
import { OWN_KEYS, readEnforcement } from './enforcement.ts';
import { checkException, isFilled, readExceptions } from './exceptions.ts';
import type { ListItem, MacroItem, PluginRequirement, RuleItem, RuleUpdate } from './items.ts';
import { checkOverrideKeys, OVERRIDE_WITH_APPEND, type Overrides, readOverrides } from './override.ts';
import { EntryReader } from './reader.ts';
import type { Report } from './report.ts';
import { inside, type Place, type SourceFile } from './source.ts';
import { OriginText } from './text.ts';
import {
  compareVersions,
  ENGINE_VERSION,
  formatVersion,
  parseEngineVersion,
  parseVersion,
  satisfies,
  type Version,
} from './version.ts';
import {
  isMap,
  isNull,
  isSeq,
  Mapping,
  parseYaml,
  startOf,
  type YamlDocument,
  type YamlNode,
} from './yaml.ts';

const APPENDABLE = ['condition', 'output', 'desc', 'tags', 'exceptions'];
const REPLACEABLE = [
  ...APPENDABLE,
  'priority',
  'enabled',
  'warn_evttypes',
  'skip-if-unknown-filter',
  'capture',
  'capture_duration',
  ...OWN_KEYS,
];
const RULE_KEYS = ['rule', 'source', 'append', 'override', ...REPLACEABLE];
const APPEND_WARNING =
  "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";
const ENABLED_WARNING =
  "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";
const MACRO_NAME = /^[a-zA-Z]+[a-zA-Z0-9_]*$/;
const LIST_NAME = /^[^()"'\s=,]+$/;

export interface CollectOptions {
  /** Event sources that this engine has. */
  readonly sources: readonly string[];
  /** Whether a text is a field, possibly in a transformer. */
  readonly isField: (text: string) => boolean;
  readonly report: Report;
}

/** The contents of all files read so far. */
export class Collector {
  readonly lists = new Map<string, ListItem>();
  readonly macros = new Map<string, MacroItem>();
  readonly rules = new Map<string, RuleItem>();
  readonly plugins: PluginRequirement[] = [];
  /** Names of entries that could not be read: what refers to them is not to blame. */
  readonly broken = { list: new Set<string>(), macro: new Set<string>(), rule: new Set<string>() };
  requiredEngine: Version = [0, 0, 0];
  private readonly options: CollectOptions;
  private readonly report: Report;
  private order = 0;

  constructor(options: CollectOptions) {
    this.options = options;
    this.report = options.report;
  }

  /** Reads a file. */
  read(file: SourceFile): void {
    const { documents, faults } = parseYaml(file);
    for (const fault of faults) {
      const place: Place = { file, steps: [{ type: 'rules content', name: '', offset: fault.offset }] };
      this.report.error('LOAD_ERR_YAML_PARSE', fault.message, place);
    }
    if (faults.length > 0) return;
    for (const document of documents) this.readDocument(file, document);
  }

  private readDocument(file: SourceFile, { root, resolve }: YamlDocument): void {
    if (isNull(root)) return;
    const place: Place = { file, steps: [{ type: 'rules content', name: '', offset: startOf(root) ?? 0 }] };
    if (!isSeq(root)) {
      const message = isMap(root)
        ? 'Rules content is not yaml array of objects'
        : 'Rules content is not yaml';
      this.report.error(
        'LOAD_ERR_YAML_VALIDATE',
        message,
        place,
        "a rules file is a list: each entry begins with '- '",
      );
      return;
    }
    for (const raw of root.items) {
      const node = resolve(raw);
      if (!isNull(node)) this.readItem(file, node, resolve);
    }
  }

  private readItem(file: SourceFile, node: YamlNode, resolve: YamlDocument['resolve']): void {
    const top: Place = {
      file,
      steps: [{ type: 'rules content item', name: '', offset: startOf(node) ?? 0 }],
    };
    if (!isMap(node)) {
      const message = 'Unexpected element type. Each element should be a yaml associative array.';
      this.report.error('LOAD_ERR_YAML_VALIDATE', message, top);
      return;
    }
    const map = new Mapping(node, resolve);
    const reader = (type: string, name = ''): EntryReader =>
      new EntryReader(
        map,
        { file, steps: [{ type, name, offset: startOf(node) ?? 0 }] },
        this.report,
        resolve,
      );
    if (map.has('required_engine_version')) this.readEngineVersion(reader('required_engine_version'));
    else if (map.has('required_plugin_versions')) this.readPluginVersions(reader('required plugin versions'));
    else if (map.has('list')) this.readNamed('list', reader, (entry, name) => this.readList(entry, name));
    else if (map.has('macro')) this.readNamed('macro', reader, (entry, name) => this.readMacro(entry, name));
    else if (map.has('rule')) this.readNamed('rule', reader, (entry, name) => this.readRule(entry, name));
    else {
      const help =
        'an entry has one of the keys rule, macro, list, required_engine_version, required_plugin_versions';
      this.report.warning('LOAD_UNKNOWN_ITEM', 'Unknown top level item', top, help);
    }
  }

  private readNamed(
    kind: 'list' | 'macro' | 'rule',
    reader: (type: string, name?: string) => EntryReader,
    read: (entry: EntryReader, name: string) => void,
  ): void {
    const name = reader(kind).required(kind);
    if (name === undefined) return;
    const entry = reader(kind, name);
    read(entry, name);
    if (!entry.ok) this.broken[kind].add(name);
  }

  private readEngineVersion(entry: EntryReader): void {
    entry.checkKeys(['required_engine_version']);
    const text = entry.required('required_engine_version');
    if (text === undefined) return;
    const version = parseEngineVersion(text);
    if (version === undefined) {
      entry.fail(
        `Unable to parse engine version '${text}' as a semver string. Expected "x.y.z" semver format.`,
      );
      return;
    }
    if (!satisfies(ENGINE_VERSION, version)) {
      const message = `Rules require engine version ${formatVersion(version)}, but engine version is ${formatVersion(ENGINE_VERSION)}`;
      entry.fail(message, entry.place, 'LOAD_ERR_VALIDATE');
      return;
    }
    if (compareVersions(version, this.requiredEngine) > 0) this.requiredEngine = version;
  }

  private readPluginVersions(entry: EntryReader): void {
    entry.checkKeys(['required_plugin_versions']);
    const elements = entry.elements(entry.map.get('required_plugin_versions'));
    if (elements === undefined) {
      entry.fail(
        'Value of required_plugin_versions must be a sequence',
        entry.at('required_plugin_versions'),
      );
      return;
    }
    for (const element of elements) this.readPlugin(entry, element);
  }

  private readPlugin(entry: EntryReader, node: YamlNode): void {
    const place = inside(entry.place, 'required plugin versions entry', '', startOf(node));
    const reader = entry.child(node, place);
    if (reader === undefined) {
      entry.fail('Plugin version must be a mapping', place);
      return;
    }
    const first = readRequirement(reader);
    const alternatives = [first];
    if (reader.map.has('alternatives')) {
      const others = reader.elements(reader.map.get('alternatives'));
      if (others === undefined) reader.fail('Value of plugin version alternatives must be a sequence');
      for (const other of others ?? []) {
        const at = inside(place, 'required plugin versions alternative', '', startOf(other));
        const inner = reader.child(other, at);
        if (inner === undefined) reader.fail('Plugin version alternative must be a mapping', at);
        else alternatives.push(readRequirement(inner));
        if (inner !== undefined) reader.absorb(inner);
      }
    }
    if (!reader.ok) return;
    const names = new Set<string>();
    const found = alternatives.filter((requirement) => requirement !== undefined);
    for (const { name, version } of found) {
      if (parseVersion(version) === undefined) {
        reader.fail(`Invalid required version '${version}' for plugin '${name}'`, place, 'LOAD_ERR_VALIDATE');
      } else if (names.has(name)) {
        const message = `Defined multiple alternative version requirements for plugin '${name}'`;
        reader.fail(message, place, 'LOAD_ERR_VALIDATE');
      }
      names.add(name);
    }
    if (reader.ok) this.plugins.push({ alternatives: found, place });
  }

  private readList(entry: EntryReader, name: string): void {
    entry.checkKeys(['list', 'items', 'append', 'override']);
    if (!LIST_NAME.test(name)) {
      const message = `List has an invalid name. List names should match a regular expression: ${LIST_NAME.source}`;
      this.report.warning('LOAD_INVALID_LIST_NAME', message, entry.place);
    }
    if (!entry.map.has('items')) entry.fail("Item has no mapping for key 'items'");
    const items = entry.texts('items');
    const append = this.readAppend(entry, ['items']);
    if (items === undefined || append === undefined || !entry.ok) return;
    const known = this.lists.get(name);
    if (append) {
      if (known === undefined) {
        const message =
          "List uses 'append' or 'override.items: append' but no list by that name already exists";
        this.missing(entry, 'list', name, message);
        return;
      }
      known.items = [...known.items, ...items];
      known.visibility = this.order++;
      return;
    }
    const index = known?.index ?? this.order;
    this.lists.set(name, { name, place: entry.place, index, visibility: this.order++, items });
  }

  private readMacro(entry: EntryReader, name: string): void {
    entry.checkKeys(['macro', 'condition', 'append', 'override']);
    if (!MACRO_NAME.test(name)) {
      const message = `Macro has an invalid name. Macro names should match a regular expression: ${MACRO_NAME.source}`;
      this.report.warning('LOAD_INVALID_MACRO_NAME', message, entry.place);
    }
    const text = entry.required('condition');
    const append = this.readAppend(entry, ['condition']);
    if (text === undefined || append === undefined || !entry.ok) return;
    const condition = OriginText.fromScalar(
      entry.map.get('condition'),
      entry.at('condition', 'macro condition'),
    );
    const known = this.macros.get(name);
    if (append) {
      if (known === undefined) {
        const message =
          "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists";
        this.missing(entry, 'macro', name, message);
        return;
      }
      known.condition = OriginText.join([known.condition, ' ', condition]);
      known.visibility = this.order++;
      return;
    }
    const index = known?.index ?? this.order;
    this.macros.set(name, { name, place: entry.place, index, visibility: this.order++, condition });
  }

  /** `append: true` or the same by `override`; undefined after an error. */
  private readAppend(entry: EntryReader, keys: readonly string[]): boolean | undefined {
    const append = this.readAppendFlag(entry);
    const overrides = readOverrides(entry, keys, keys);
    if (overrides === undefined) return undefined;
    if (append && overrides.append.size + overrides.replace.size > 0) return entry.fail(OVERRIDE_WITH_APPEND);
    return append || overrides.append.size > 0;
  }

  private readAppendFlag(entry: EntryReader): boolean {
    const append = entry.boolean('append') === true;
    if (append) this.report.warning('LOAD_DEPRECATED_ITEM', APPEND_WARNING, entry.place);
    return append;
  }

  private readRule(entry: EntryReader, name: string): void {
    entry.checkKeys(RULE_KEYS);
    const append = this.readAppendFlag(entry);
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
    const update = this.readUpdate(entry, keys, true);
    if (!entry.ok) return;
    const rule = this.rules.get(name);
    if (rule === undefined) {
      const message =
        "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists";
      this.missing(entry, 'rule', name, message);
      return;
    }
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
    rule.visibility = this.order++;
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
    const update = this.readUpdate(entry, keys, false);
    if (!entry.ok) return;
    const rule = this.rules.get(name);
    if (rule === undefined) {
      const message =
        "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists";
      this.missing(entry, 'rule', name, message);
      return;
    }
    if (update.exceptions !== undefined) {
      update.exceptions = this.checkExceptions(entry, update.exceptions, rule.unknownSource);
    }
    Object.assign(rule, update);
    rule.visibility = this.order++;
  }

  private toggleRule(entry: EntryReader, name: string): void {
    if (entry.required('enabled') === undefined) return;
    const enabled = entry.boolean('enabled');
    if (enabled === undefined) return;
    this.report.warning('LOAD_DEPRECATED_ITEM', ENABLED_WARNING, entry.place);
    const rule = this.rules.get(name);
    if (rule !== undefined) rule.enabled = enabled;
    else this.missing(entry, 'rule', name, "Rule has 'enabled' key but no rule by that name already exists");
  }

  private defineRule(entry: EntryReader, name: string): void {
    for (const key of ['condition', 'output', 'desc', 'priority']) entry.required(key);
    const source = entry.optional('source') ?? 'syscall';
    const update = this.readUpdate(entry, new Set(REPLACEABLE), false);
    if (!entry.ok) return;
    const known = this.rules.get(name);
    if (known !== undefined && known.source !== source) {
      entry.fail('Rule has been re-defined with a different source', entry.place, 'LOAD_ERR_VALIDATE');
      return;
    }
    const unknownSource = !this.options.sources.includes(source);
    if (unknownSource) {
      this.report.warning('LOAD_UNKNOWN_SOURCE', `Unknown source ${source}, skipping`, entry.place);
    }
    const exceptions = this.checkExceptions(entry, update.exceptions ?? [], unknownSource);
    this.rules.set(name, {
      name,
      place: entry.place,
      index: known?.index ?? this.order,
      visibility: this.order++,
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
    const isField = unknownSource ? () => true : this.options.isField;
    return exceptions.flatMap((exception) => {
      const checked = checkException(exception, this.report, isField);
      if (checked === undefined) this.broken.rule.add(entry.place.steps[0]!.name);
      return checked === undefined ? [] : [checked];
    });
  }

  /** Reads the given keys of a rule, as far as they are there. */
  private readUpdate(entry: EntryReader, keys: ReadonlySet<string>, appending: boolean): RuleUpdate {
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

  /** What an append or a toggle refers to is not there (or could not be read, which was reported already). */
  private missing(entry: EntryReader, kind: 'list' | 'macro' | 'rule', name: string, message: string): void {
    if (!this.broken[kind].has(name)) entry.fail(message, entry.place, 'LOAD_ERR_VALIDATE');
  }
}

function readRequirement(reader: EntryReader): { name: string; version: string } | undefined {
  reader.checkKeys(['name', 'version', 'alternatives']);
  const name = reader.required('name');
  const version = reader.required('version');
  return name === undefined || version === undefined ? undefined : { name, version };
}
