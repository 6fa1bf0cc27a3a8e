import type { ObjectSchema } from '../../engine/core/check-schema.ts';
import { checkSchema } from '../../engine/core/check-schema.ts';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import { TIMER_MAX_MS } from '../../engine/core/units.ts';
import { AUDIT_DEFAULTS, type AuditOptions } from './store.ts';

/** The section `outputs.audit` of the configuration. */
export const AUDIT_SCHEMA: ObjectSchema = {
  type: 'object',
  description: 'The tamper-evident record of alerts, denials and everything that changes what is enforced.',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: 'false: no audit is kept.' },
    path: {
      type: 'string',
      minLength: 1,
      default: AUDIT_DEFAULTS.folder,
      description: 'Folder of its own, on a local disk.',
    },
    sync: {
      type: 'string',
      enum: ['full', 'normal'],
      default: AUDIT_DEFAULTS.sync,
      description:
        'full: a row counts as written when it survives a power failure; normal: when it survives the death of the process.',
    },
    key_file: {
      type: 'string',
      minLength: 1,
      description: 'Ed25519 private key (PEM, mode 0600) that signs the anchors.',
    },
    anchor_interval_ms: {
      type: 'integer',
      minimum: 0,
      maximum: TIMER_MAX_MS,
      default: AUDIT_DEFAULTS.anchorIntervalMs,
      description: 'How often the head of the chain is published, if rows were added; 0 = only at the end.',
    },
    anchor_file: {
      type: 'string',
      minLength: 1,
      description: 'Anchors are appended here too; best on a disk that this host cannot rewrite.',
    },
    anchor_alerts: {
      type: 'boolean',
      default: false,
      description:
        'Anchors also go to the other outputs as an informational alert, so that NATS, syslog or HTTP carry them off the host.',
    },
    max_file_bytes: {
      type: 'integer',
      minimum: 1024 * 1024,
      default: AUDIT_DEFAULTS.maxFileBytes,
      description: 'A new file is begun at this size, and with each month.',
    },
    retention_days: {
      type: 'integer',
      minimum: 0,
      default: AUDIT_DEFAULTS.retentionDays,
      description: 'Finished files are removed as a whole when their last row is older; 0 = never.',
    },
    archive_path: {
      type: 'string',
      minLength: 1,
      description: 'Folder that old files are moved to instead of being removed.',
    },
    wait_ms: {
      type: 'integer',
      minimum: 1,
      maximum: TIMER_MAX_MS,
      default: AUDIT_DEFAULTS.waitMs,
      description: 'How long the other outputs wait for the audit when the disk does not answer.',
    },
    max_queued_rows: {
      type: 'integer',
      minimum: 1,
      default: AUDIT_DEFAULTS.maxQueued,
      description: 'Rows kept in memory while the disk takes none; each its text and 0.6 kB.',
    },
  },
};

interface AuditConfig {
  readonly enabled: boolean;
  readonly path: string;
  readonly sync: 'full' | 'normal';
  readonly key_file?: string;
  readonly anchor_interval_ms: number;
  readonly anchor_file?: string;
  readonly anchor_alerts: boolean;
  readonly max_file_bytes: number;
  readonly retention_days: number;
  readonly archive_path?: string;
  readonly wait_ms: number;
  readonly max_queued_rows: number;
}

/** Options of the store from the section `outputs.audit`; undefined if it is switched off or absent. */
export function auditOptions(
  section: unknown,
  host: { readonly hostname: string; readonly bootId: string; readonly version: string },
): AuditOptions | undefined {
  if (section === undefined) return undefined;
  const { complete, violations } = checkSchema(AUDIT_SCHEMA, section ?? {});
  if (violations.length > 0) {
    const problems = violations.map(
      ({ path, wanted }) => `${['outputs.audit', ...path].join('.')} ${wanted}`,
    );
    throw new AppError('E_OUTPUT_CONFIG', problems.join('; '), { exitCode: EXIT.invalid });
  }
  const config = complete as AuditConfig;
  if (!config.enabled) return undefined;
  return {
    ...host,
    folder: config.path,
    sync: config.sync,
    keyFile: config.key_file,
    anchorIntervalMs: config.anchor_interval_ms,
    anchorFile: config.anchor_file,
    anchorAlerts: config.anchor_alerts,
    maxFileBytes: config.max_file_bytes,
    retentionDays: config.retention_days || undefined,
    archive: config.archive_path,
    waitMs: config.wait_ms,
    maxQueued: config.max_queued_rows,
  };
}
