/** YAML files as trees of texts: every scalar keeps its spelling, whatever type YAML would give it. */
import {
  type Alias,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { SourceFile } from './source.ts';

const NO_TABS = 'YAML is indented with blanks, not with tabs';

/** One mistake can make the parser complain of every byte behind it. */
const MAX_FAULTS = 20;

export type YamlNode = Node | null | undefined;

export interface YamlFault {
  readonly message: string;
  readonly offset: number;
  readonly help?: string;
}

export interface YamlDocument {
  readonly root: YamlNode;
  readonly resolve: (node: unknown) => YamlNode;
}

/** Parses all documents of a file; any fault makes the documents unusable. */
export function parseYaml(file: SourceFile): { documents: YamlDocument[]; faults: YamlFault[] } {
  let parsed: Document.Parsed[] | { empty: true };
  try {
    parsed = parseAllDocuments(file.text, {
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
      stringKeys: false,
      lineCounter: file.lines,
    }) as Document.Parsed[];
  } catch (error) {
    return {
      documents: [],
      faults: [{ message: error instanceof Error ? error.message : String(error), offset: 0 }],
    };
  }
  if (!Array.isArray(parsed)) return { documents: [], faults: [] };
  const faults = firstOfLines(
    file,
    parsed.flatMap((document) => document.errors.slice(0, MAX_FAULTS).map((error) => faultOf(file, error))),
  );
  const documents = parsed.map((document) => {
    const targets = ALIAS.test(file.text) ? aliasTargets(document, faults) : NO_TARGETS;
    return {
      root: document.contents as YamlNode,
      resolve: (node: unknown): YamlNode => (isAlias(node) ? targets.get(node) : (node as YamlNode)),
    };
  });
  return { documents, faults };
}

/** What to write instead, by the code of the parser's error. */
const HELP: Partial<Record<ErrorCode, string>> = {
  BLOCK_AS_IMPLICIT_KEY: "a text with ': ' in it needs quotes, or > before it",
  BAD_SCALAR_START: 'a text that begins with %, @ or ` needs quotes',
  TAB_AS_INDENT: NO_TABS,
};

function faultOf(file: SourceFile, { message, code, pos: [offset] }: YAMLError): YamlFault {
  const line = file.text.slice(file.text.lastIndexOf('\n', offset - 1) + 1, offset);
  const help = /^ *\t/.test(line) ? NO_TABS : HELP[code];
  return { message, offset, ...(help === undefined ? {} : { help }) };
}

/** What follows the first fault of a line is mostly its consequence. */
function firstOfLines(file: SourceFile, faults: readonly YamlFault[]): YamlFault[] {
  const lines = new Set<number>();
  return faults.filter(({ offset }) => {
    const { line } = file.position(offset);
    return !lines.has(line) && lines.add(line);
  });
}

/** What could be an alias. */
const ALIAS = /(?:^|[\s,:[{-])\*[^\s,\]}]/m;
const NO_TARGETS: ReadonlyMap<Alias, YamlNode> = new Map();

/** What the aliases of a document stand for: the last anchor of their name before them. */
function aliasTargets(document: Document.Parsed, faults: YamlFault[]): ReadonlyMap<Alias, YamlNode> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, YamlNode>();
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
      else if (faults.length < MAX_FAULTS) {
        const message = `the anchor '${node.source}' is not defined (a text that begins with * needs quotes)`;
        faults.push({ message, offset: startOf(node) ?? 0 });
      }
    },
  });
  return targets;
}

/** Empty, `~` and `null` without quotes. */
export function isNull(node: YamlNode): boolean {
  if (node === null || node === undefined) return true;
  if (!isScalar(node)) return false;
  if (node.value === null) return true;
  const plain = node.type === undefined || node.type === 'PLAIN';
  return (
    plain && (node.source === undefined ? node.value === '' : /^(?:~|null|Null|NULL|)$/.test(node.source))
  );
}

/** The text of a scalar. */
export function textOf(node: YamlNode): string | undefined {
  return isScalar(node) ? String(node.value) : undefined;
}

/** Character offset where a node begins. */
export function startOf(node: YamlNode): number | undefined {
  return node?.range?.[0];
}

/** Booleans in all spellings of YAML 1.1. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:y|yes|true|on|Y|Yes|True|On|YES|TRUE|ON)$/.test(text)) return true;
  if (/^(?:n|no|false|off|N|No|False|Off|NO|FALSE|OFF)$/.test(text)) return false;
  return undefined;
}

/** A mapping with its keys as texts; of a key that stands twice the first counts. */
export class Mapping {
  readonly node: YAMLMap;
  private readonly entries = new Map<string, { key: YamlNode; value: YamlNode }>();
  /** Keys that stand twice, with the offset of the one that is ignored. */
  readonly duplicates: { readonly key: string; readonly offset: number | undefined }[] = [];

  constructor(node: YAMLMap, resolve: YamlDocument['resolve']) {
    this.node = node;
    for (const pair of node.items) {
      const key = resolve(pair.key);
      const name = textOf(key);
      if (name === undefined) continue;
      if (this.entries.has(name)) this.duplicates.push({ key: name, offset: startOf(key) });
      else this.entries.set(name, { key, value: resolve(pair.value) });
    }
  }

  get keys(): readonly string[] {
    return [...this.entries.keys()];
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  get(key: string): YamlNode {
    return this.entries.get(key)?.value;
  }

  /** Offset of the value, or of the key where the value is empty. */
  offset(key: string): number | undefined {
    const entry = this.entries.get(key);
    return startOf(entry?.value) ?? startOf(entry?.key);
  }

  keyOffset(key: string): number | undefined {
    return startOf(this.entries.get(key)?.key);
  }
}

export { isMap, isScalar, isSeq, type YAMLMap, type YAMLSeq };
