/** Ringfence's own keys of a rule. Falco ignores them. */
import type { Enforce, FailMode, Mode, Response, Scope } from './items.ts';
import type { EntryReader } from './reader.ts';
import { inside } from './source.ts';
import { isScalar, startOf, textOf, type YamlNode } from './yaml.ts';

export const OWN_KEYS = ['enforce', 'respond', 'mode', 'fail', 'scope'] as const;

export interface Enforcement {
  readonly enforce: Enforce | undefined;
  readonly respond: readonly Response[] | undefined;
  readonly mode: Mode | undefined;
  readonly fail: FailMode | undefined;
  readonly scope: Scope | undefined;
}

/** Reads the own keys; what is wrong is recorded in the reader. */
export function readEnforcement(entry: EntryReader): Enforcement {
  return {
    enforce: entry.oneOf('enforce', ['none', 'deny', 'kill']),
    respond: readResponses(entry),
    mode: entry.oneOf('mode', ['monitor', 'enforce']),
    fail: entry.oneOf('fail', ['open', 'closed']),
    scope: readScope(entry),
  };
}

function readResponses(entry: EntryReader): Response[] | undefined {
  if (!entry.map.has('respond')) return undefined;
  const elements = entry.elements(entry.map.get('respond'));
  if (elements === undefined) {
    return entry.fail(
      "Value of 'respond' must be a sequence",
      entry.at('respond'),
      undefined,
      'respond: [{deny_ip: {ttl: 10m}}]',
    );
  }
  return elements.flatMap((element) => {
    const response = readResponse(entry, element);
    return response === undefined ? [] : [response];
  });
}

function readResponse(entry: EntryReader, node: YamlNode): Response | undefined {
  const place = inside(entry.at('respond'), 'response', '', startOf(node));
  const name = textOf(node);
  if (name !== undefined && name !== '') return { action: name, options: {} };
  const reader = entry.child(node, place);
  const [action, ...more] = reader?.map.keys ?? [];
  if (reader === undefined || action === undefined || more.length > 0) {
    return entry.fail(
      'A response is a name, or a mapping with one name',
      place,
      undefined,
      'deny_ip, or deny_ip: {ttl: 10m}',
    );
  }
  const value = reader.map.get(action);
  const inner = entry.child(value, place);
  if (inner === undefined) {
    if (value === null || (isScalar(value) && textOf(value) === '')) return { action, options: {} };
    return entry.fail(`The options of '${action}' must be a mapping`, place);
  }
  const options: Record<string, string> = {};
  for (const key of inner.map.keys) {
    const text = textOf(inner.map.get(key));
    if (text === undefined) entry.fail(`The option '${key}' of '${action}' must be a scalar`, inner.at(key));
    else options[key] = text;
  }
  return { action, options };
}

function readScope(entry: EntryReader): Scope | undefined {
  if (!entry.map.has('scope')) return undefined;
  const text = textOf(entry.map.get('scope'));
  if (text === 'all' || text === 'host' || text === 'containers') return { kind: text };
  const help = 'scope: all, host, containers, or {cgroup: [/system.slice/x.service]}';
  const reader = entry.child(entry.map.get('scope'), entry.at('scope'));
  if (reader === undefined || !reader.map.has('cgroup')) {
    return entry.fail("'scope' names no known scope", entry.at('scope'), undefined, help);
  }
  const single = textOf(reader.map.get('cgroup'));
  const paths = single === undefined ? reader.texts('cgroup') : [single];
  entry.absorb(reader);
  if (paths === undefined) return undefined;
  if (paths.length === 0 || paths.some((path) => !path.startsWith('/'))) {
    return entry.fail(
      'a cgroup is a path below the cgroup root and starts with /',
      entry.at('scope'),
      undefined,
      help,
    );
  }
  return { kind: 'cgroup', paths };
}
