import { Document, isCollection, isMap, isScalar, type Node } from 'yaml';

const SECRET = /(^|_)(password|token|secret|key)$/;

/** The configuration as YAML; with `origins`, each value has a comment that says where it comes from. */
export function configText(config: object, origins?: ReadonlyMap<string, string>): string {
  const doc = new Document(mask(config));
  if (origins) annotate(doc.contents, [], origins);
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}

/** Secrets are configured by file name; should one stand there nevertheless, it is not printed. */
export function mask(value: unknown, key = ''): unknown {
  if (typeof value === 'string' && SECRET.test(key)) return '***';
  if (Array.isArray(value)) return value.map((inner) => mask(inner));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mask(inner, name)]));
}

function annotate(node: Node | null, path: readonly string[], origins: ReadonlyMap<string, string>): void {
  if (!isMap(node)) return;
  for (const pair of node.items) {
    const here = [...path, String(pair.key)];
    const value = pair.value;
    if (isMap(value) && value.items.length > 0) {
      annotate(value, here, origins);
      continue;
    }
    const origin = ` ${origins.get(here.join('.')) ?? 'default'}`;
    if (isScalar(value)) value.comment = origin;
    else if (isCollection(value)) {
      value.flow = true;
      value.comment = origin;
    }
  }
}
