import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';

/** Falco's own rule files, if they lie beside the checkout. */
export const UPSTREAM_RULES = join(PACKAGE_ROOT, '../shared/upstream-rules');

/** Why the upstream rules cannot be used here; false if they can. */
export function upstreamSkip(): string | false {
  return existsSync(UPSTREAM_RULES) ? false : 'needs Falco’s rules at ../shared/upstream-rules';
}
