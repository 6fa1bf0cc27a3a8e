import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../core/diagnostic.ts';
import { type Check, checkLayer, checkWhole } from './check.ts';
import { environmentLayers, fileLayer, type Layer, valueLayer } from './source.ts';

export const DEFAULT_FILE = '/etc/ringfence/config.yaml';
const VENDOR_FILE = '/usr/lib/ringfence/config.yaml';

export interface LoadOptions {
  /** `-c FILE`; its neighbour folder config.d is read too. Absent: RINGFENCE_CONFIG or the default file, if there. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Values below every file, where a default cannot be said in the schema (entries of open maps). */
  readonly base?: Readonly<Record<string, unknown>>;
  /** `--set a.b=value` */
  readonly set?: readonly string[];
  /** Values of other flags: flag, dotted path, value. */
  readonly flags?: readonly (readonly [flag: string, path: string, value: unknown])[];
}

export interface Loaded<C> {
  /** Complete with defaults; undefined if there are errors. */
  readonly config: C | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Dotted path of each value that is not a default → where it comes from. */
  readonly origins: ReadonlyMap<string, string>;
  /** Files that were read, lowest precedence first. */
  readonly files: readonly string[];
}

/**
 * Reads the configuration: vendor file, file, drop-ins in byte order, environment, flags; later wins.
 * Maps merge, everything else replaces. All problems of all layers come back at once.
 */
export function loadConfig<C>(check: Check, options: LoadOptions = {}): Loaded<C> {
  const env = options.env ?? process.env;
  const explicit = options.file ?? env.RINGFENCE_CONFIG;
  const diagnostics: Diagnostic[] = [];
  const layers: Layer[] = [];
  const files: string[] = [];
  for (const file of candidates(explicit, diagnostics)) {
    const layer = readLayer(file);
    if (Array.isArray(layer)) diagnostics.push(...layer);
    else {
      layers.push(layer);
      files.push(file);
    }
  }
  layers.push(...environmentLayers(env));
  for (const pair of options.set ?? []) {
    const [, key, value] = /^([\w.]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined)
      diagnostics.push({ ...problem(`--set needs KEY=VALUE, not "${pair}"`), code: 'E_CONFIG_VALUE' });
    else layers.push(valueLayer(`--set ${key}`, key.split('.'), value ?? ''));
  }
  for (const [flag, path, value] of options.flags ?? []) {
    const nested = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    layers.push({ origin: flag, value: nested, locate: () => ({ file: flag }) });
  }

  const origins = new Map<string, string>();
  const merged = structuredClone(options.base ?? {}) as Record<string, unknown>;
  for (const layer of layers) {
    const problems = checkLayer(check, layer);
    diagnostics.push(...problems);
    if (problems.length === 0) merge(merged, layer.value as Record<string, unknown>, layer, [], origins);
  }
  const { complete, missing } = checkWhole(check, merged, layers);
  diagnostics.push(...missing);
  const failed = diagnostics.some((d) => d.severity === 'error');
  return { config: failed ? undefined : (freeze(complete) as C), diagnostics, origins, files };
}

function candidates(explicit: string | undefined, diagnostics: Diagnostic[]): string[] {
  const main = explicit ?? DEFAULT_FILE;
  if (explicit !== undefined && !existsSync(explicit))
    diagnostics.push(problem(`no such file: ${explicit}`, explicit));
  const folder = explicit === undefined ? '/etc/ringfence/config.d' : join(explicit, '..', 'config.d');
  const drops = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.yaml'))
        .sort()
        .map((name) => join(folder, name))
    : [];
  return [VENDOR_FILE, main, ...drops].filter((file) => existsSync(file));
}

function readLayer(file: string): Layer | Diagnostic[] {
  try {
    return fileLayer(file);
  } catch (error) {
    return [problem(`cannot read ${file}: ${(error as Error).message}`, file)];
  }
}

const problem = (message: string, file?: string): Diagnostic => ({
  severity: 'error',
  code: 'E_CONFIG_READ',
  message,
  ...(file === undefined ? {} : { file }),
});

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(
  into: Record<string, unknown>,
  from: Record<string, unknown>,
  layer: Layer,
  path: readonly string[],
  origins: Map<string, string>,
): void {
  for (const [key, value] of Object.entries(from)) {
    const here = [...path, key];
    if (isPlain(value)) {
      const inner = isPlain(into[key]) ? into[key] : {};
      into[key] = inner;
      merge(inner, value, layer, here, origins);
    } else {
      into[key] = value;
      const { line } = layer.locate(here);
      origins.set(here.join('.'), line === undefined ? layer.origin : `${layer.origin}:${line}`);
    }
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
