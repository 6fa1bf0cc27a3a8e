import type { Schema } from '../../outputs/output.ts';

/** The schema of the `outputs` section, imported only by the commands that read the configuration. */
export async function outputsSchema(): Promise<Schema> {
  const { outputsSchema } = await import('../../outputs/registry.ts');
  return outputsSchema();
}
