import { AUDIT_DEFAULTS } from '../../outputs/audit/store.ts';
import { load } from '../config/config.ts';
import { ask } from '../control/client.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { noteDiagnostics } from './output.ts';
import { outputSchemas } from './outputs.ts';

/** Where the audit is, and whose: `socket` is set if it is the one of the engine on this host. */
export interface Place {
  readonly folder: string;
  readonly socket?: string;
}

/** The folder that was typed, or the configured one. */
export async function auditFolder(flags: {
  readonly path?: string;
  readonly config?: string;
}): Promise<Place> {
  if (flags.path !== undefined) return { folder: flags.path };
  const { config, diagnostics } = load(await outputSchemas(), { file: flags.config });
  if (!config) {
    noteDiagnostics(diagnostics);
    throw new AppError('E_CONFIG', 'the configuration does not say where the audit is', {
      exitCode: EXIT.invalid,
      help: 'give its folder with --path',
    });
  }
  const { path } = (config.outputs.audit ?? {}) as { path?: string };
  return { folder: path ?? AUDIT_DEFAULTS.folder, socket: config.control.socket };
}

/** Tells a running engine that its audit is being read, so that this is a row too. Without an engine there is no writer. */
export async function announceReading(place: Place, what: string, flags: object): Promise<void> {
  if (place.socket === undefined) return;
  try {
    await ask(place.socket, 'audit_read', { command: what, options: { ...flags } }, 2_000);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}
