/** YAML files as trees of texts: every scalar keeps its spelling, whatever type YAML would give it. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { SourceFile } from './source.ts';

/** One mistake can make the parser complain of every byte behind it. */
const MAX_FAULTS = 20;

export type YamlNode = Node | null | undefined;

export interface YamlFault {
  readonly message: string;
  readonly offset: number;
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
  const faults = parsed.flatMap((document) =>
    document.errors.slice(0, MAX_FAULTS).map((error) => ({ message: error.message, offset: error.pos[0] })),
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
