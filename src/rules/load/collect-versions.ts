/** Entries about versions: what a file needs of the engine and of plugins. */
import type { PluginRequirement } from './items.ts';
import type { EntryReader } from './reader.ts';
import { inside } from './source.ts';
import {
  ENGINE_VERSION,
  formatVersion,
  parseEngineVersion,
  parseVersion,
  satisfies,
  type Version,
} from './version.ts';
import { startOf, type YamlNode } from './yaml.ts';

/** Reads `required_engine_version`; undefined after an error. */
export function readEngineVersion(entry: EntryReader): Version | undefined {
  entry.checkKeys(['required_engine_version']);
  const text = entry.required('required_engine_version');
  if (text === undefined) return undefined;
  const version = parseEngineVersion(text);
  if (version === undefined) {
    const help = 'write x.y.z, or one number';
    return entry.fail(`Unable to parse engine version '${text}'`, entry.place, undefined, help);
  }
  if (!satisfies(ENGINE_VERSION, version)) {
    const message = `Rules require engine version ${formatVersion(version)}, but engine version is ${formatVersion(ENGINE_VERSION)}`;
    return entry.fail(message, entry.place, 'LOAD_ERR_VALIDATE');
  }
  return version;
}

/** Reads `required_plugin_versions`: the entries that are good. */
export function readPluginVersions(entry: EntryReader): PluginRequirement[] {
  entry.checkKeys(['required_plugin_versions']);
  const elements = entry.elements(entry.map.get('required_plugin_versions'));
  if (elements === undefined) {
    entry.fail('Value of required_plugin_versions must be a sequence', entry.at('required_plugin_versions'));
    return [];
  }
  return elements.map((element) => readPlugin(entry, element)).filter((plugin) => plugin !== undefined);
}

function readPlugin(entry: EntryReader, node: YamlNode): PluginRequirement | undefined {
  const place = inside(entry.place, 'required plugin versions entry', '', startOf(node));
  const reader = entry.child(node, place);
  if (reader === undefined) {
    return entry.fail('Plugin version must be a mapping', place);
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
  if (!reader.ok) return undefined;
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
  return reader.ok ? { alternatives: found, place } : undefined;
}

function readRequirement(reader: EntryReader): { name: string; version: string } | undefined {
  reader.checkKeys(['name', 'version', 'alternatives']);
  const name = reader.required('name');
  const version = reader.required('version');
  return name === undefined || version === undefined ? undefined : { name, version };
}
