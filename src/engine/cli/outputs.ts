import type { EntrySchema } from '../config/config.ts';

/** The schemas of the entries of `outputs`, imported only by the commands that read the configuration. */
export async function outputSchemas(): Promise<EntrySchema> {
  const { entrySchema } = await import('../../outputs/registry.ts');
  return entrySchema;
}
