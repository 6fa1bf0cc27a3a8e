import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isPair, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Path } from '../core/check-schema.ts';
import type { Diagnostic } from '../core/diagnostic.ts';

/** One layer of the configuration: a file, an environment variable or a flag. */
export interface Layer {
  /** As `config print --origin` shows it; a file's is its path. */
  readonly origin: string;
  readonly value: unknown;
  /** The diagnostic's place for a path; `key` points at the key, not at its value. */
  locate(path: Path, key?: boolean): Pick<Diagnostic, 'file' | 'line' | 'column' | 'snippet'>;
}

/** One mistake can make a parser complain of every byte behind it. */
const MAX_ERRORS = 20;
/** Longer lines are not shown. */
const MAX_SHOWN = 1000;

/** Reads one YAML file. Syntax errors come back as diagnostics with position. */
export function fileLayer(file: string, text = readFileSync(file, 'utf8')): Layer | Diagnostic[] {
  const counter = new LineCounter();
  const doc = parseDocument(text, { lineCounter: counter, uniqueKeys: true, prettyErrors: false });
  const place = (offset: number): Pick<Diagnostic, 'file' | 'line' | 'column' | 'snippet'> => {
    const { line, col } = counter.linePos(offset);
    const source = text.split('\n')[line - 1] ?? '';
    if (source.length > MAX_SHOWN) return { file, line, column: col };
    return { file, line, column: col, snippet: `${source}\n${' '.repeat(Math.max(0, col - 1))}^` };
  };
  if (doc.errors.length > 0) {
    return doc.errors.slice(0, MAX_ERRORS).map((error) => ({
      severity: 'error',
      code: 'E_CONFIG_YAML',
      message: error.message.split('\n')[0] ?? 'not YAML',
      ...place(error.pos[0]),
    }));
  }
  return {
    origin: file,
    value: doc.toJS({ maxAliasCount: 100 }) ?? {},
    locate: (path, key = false) => place(offsetOf(doc, path, key)),
  };
}

function offsetOf(doc: Document, path: Path, key: boolean): number {
  let node: unknown = doc.contents;
  let offset = isNode(node) && node.range ? node.range[0] : 0;
  for (const [depth, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && String(item.key) === String(step));
      if (!pair) return offset;
      node = key && depth === path.length - 1 ? pair.key : (pair.value ?? pair.key);
    } else if (isSeq(node)) node = node.items[Number(step)];
    if (!isNode(node) || !node.range) return offset;
    offset = node.range[0];
  }
  return offset;
}

/** A single value from the environment or a flag, as a layer. The text is read as YAML: numbers, lists, words. */
export function valueLayer(origin: string, path: readonly string[], text: string): Layer {
  const parsed = parseDocument(text, { prettyErrors: false });
  const value: unknown = parsed.errors.length > 0 ? text : parsed.toJS();
  return {
    origin,
    value: path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value),
    locate: () => ({ file: origin }),
  };
}

const PREFIX = 'RINGFENCE__';

/** `RINGFENCE__OUTPUTS__NATS__URL=…` as layers, in the byte order of the names. */
export function environmentLayers(env: NodeJS.ProcessEnv): Layer[] {
  return Object.entries(env)
    .filter(([name]) => name.startsWith(PREFIX))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) =>
      valueLayer(`env ${name}`, name.slice(PREFIX.length).toLowerCase().split('__'), value ?? ''),
    );
}
