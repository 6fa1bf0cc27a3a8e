/** Rule files → lists, macros and rules with their appends, overrides and redefinitions applied, nothing resolved. */
import { RuleCollector } from './collect-rules.ts';
import { readEngineVersion, readPluginVersions } from './collect-versions.ts';
import { OVERRIDE_WITH_APPEND, readAppendFlag, readOverrides } from './override.ts';
import { EntryReader } from './reader.ts';
import type { Report } from './report.ts';
import { type CollectOptions, Shelf } from './shelf.ts';
import type { Place, SourceFile } from './source.ts';
import { OriginText } from './text.ts';
import { compareVersions } from './version.ts';
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

const MACRO_NAME = /^[a-zA-Z]+[a-zA-Z0-9_]*$/;
const LIST_NAME = /^[^()"'\s=,]+$/;

/** Reads files onto a shelf. */
export class Collector {
  readonly shelf: Shelf;
  private readonly report: Report;
  private readonly rules: RuleCollector;

  constructor(options: CollectOptions) {
    this.shelf = new Shelf(options);
    this.report = options.report;
    this.rules = new RuleCollector(this.shelf);
  }

  /** Reads a file. */
  read(file: SourceFile): void {
    const { documents, faults } = parseYaml(file);
    for (const fault of faults) {
      const place: Place = { file, steps: [{ type: 'rules content', name: '', offset: fault.offset }] };
      this.report.error('LOAD_ERR_YAML_PARSE', fault.message, place, fault.help);
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
    if (map.has('required_engine_version')) {
      const version = readEngineVersion(reader('required_engine_version'));
      if (version && compareVersions(version, this.shelf.requiredEngine) > 0)
        this.shelf.requiredEngine = version;
    } else if (map.has('required_plugin_versions')) {
      this.shelf.plugins.push(...readPluginVersions(reader('required plugin versions')));
    } else if (map.has('list')) this.readNamed('list', reader, (entry, name) => this.readList(entry, name));
    else if (map.has('macro')) this.readNamed('macro', reader, (entry, name) => this.readMacro(entry, name));
    else if (map.has('rule')) this.readNamed('rule', reader, (entry, name) => this.rules.read(entry, name));
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
    if (!entry.ok) this.shelf.broken[kind].add(name);
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
    const known = this.shelf.lists.get(name);
    if (append) {
      if (known === undefined) {
        const message =
          "List uses 'append' or 'override.items: append' but no list by that name already exists";
        this.shelf.missing(entry, 'list', name, message);
        return;
      }
      known.items = [...known.items, ...items];
      known.visibility = this.shelf.order++;
      return;
    }
    const index = known?.index ?? this.shelf.order;
    this.shelf.lists.set(name, { name, place: entry.place, index, visibility: this.shelf.order++, items });
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
    const known = this.shelf.macros.get(name);
    if (append) {
      if (known === undefined) {
        const message =
          "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists";
        this.shelf.missing(entry, 'macro', name, message);
        return;
      }
      known.condition = OriginText.join([known.condition, ' ', condition]);
      known.visibility = this.shelf.order++;
      return;
    }
    const index = known?.index ?? this.shelf.order;
    this.shelf.macros.set(name, {
      name,
      place: entry.place,
      index,
      visibility: this.shelf.order++,
      condition,
    });
  }

  /** `append: true` or the same by `override`; undefined after an error. */
  private readAppend(entry: EntryReader, keys: readonly string[]): boolean | undefined {
    const append = readAppendFlag(entry);
    const overrides = readOverrides(entry, keys, keys);
    if (overrides === undefined) return undefined;
    if (append && overrides.append.size + overrides.replace.size > 0) return entry.fail(OVERRIDE_WITH_APPEND);
    return append || overrides.append.size > 0;
  }
}
