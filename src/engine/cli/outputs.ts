import type { Schema } from '../../outputs/output.ts';

/** The schema of the `outputs` section. */
export async function outputsSchema(): Promise<Schema> {
  return { type: 'object' };
}
