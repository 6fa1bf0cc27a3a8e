import type { Checked, Path, Violation } from '../core/check-schema.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import { nearest } from '../core/nearest.ts';
import type { Layer } from './source.ts';

export type Check = (value: unknown) => Checked;

/** Problems of one layer, with their places. What is missing is not one: another layer may have it. */
export function checkLayer(check: Check, layer: Layer): Diagnostic[] {
  return check(layer.value)
    .violations.filter((violation) => violation.kind !== 'missing')
    .map((violation) => toDiagnostic(violation, layer));
}

/** All layers together, with defaults, and what none of them has set, with the place where it would stand. */
export function checkWhole(
  check: Check,
  value: unknown,
  layers: readonly Layer[],
): { readonly complete: unknown; readonly missing: Diagnostic[] } {
  const { complete, violations } = check(value);
  const missing = violations
    .filter((violation) => violation.kind === 'missing')
    .map(({ path, wanted, known = [] }): Diagnostic => {
      const parent = path.slice(0, -1);
      const layer = layers.findLast((each) => has(each.value, parent));
      const close = nearest(String(parent.at(-1)), known);
      return {
        severity: 'error',
        code: 'E_CONFIG_MISSING',
        message: `"${path.join('.')}" ${wanted}`,
        ...(known.length > 0 && {
          help: `${close ? `did you mean "${close}"? Else it is ` : ''}one of ${known.join(', ')}`,
        }),
        ...layer?.locate(parent, true),
      };
    });
  return { complete, missing };
}

const has = (value: unknown, path: Path): boolean =>
  path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown> | undefined | null)?.[key],
    value,
  ) !== undefined;

function toDiagnostic({ kind, path, wanted, known = [], value }: Violation, layer: Layer): Diagnostic {
  const name = path.join('.');
  if (kind === 'unknown') {
    const close = nearest(String(path.at(-1)), known);
    return {
      severity: 'error',
      code: 'E_CONFIG_UNKNOWN_KEY',
      message: `unknown option "${name}"`,
      help: close ? `did you mean "${close}"?` : `options here: ${known.join(', ')}`,
      ...layer.locate(path, true),
    };
  }
  const subject = name === '' ? 'the configuration' : `"${name}"`;
  return {
    severity: 'error',
    code: 'E_CONFIG_VALUE',
    message: `${subject} ${wanted}, not ${JSON.stringify(value)}`,
    ...layer.locate(path),
  };
}
