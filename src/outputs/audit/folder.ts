import { chmodSync, lstatSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import { makeFolder } from '../../engine/core/folder.ts';

/** One database file of the audit. The ordinal decides the order, the month is for people. */
export interface AuditFile {
  readonly name: string;
  readonly path: string;
  readonly ordinal: number;
  /** YYYY-MM, UTC. */
  readonly month: string;
}

const NAME = /^audit-(\d{4}-\d{2})-(\d{4,9})\.db$/;

/** The name of a file of the audit. */
export function fileName(ordinal: number, month: string): string {
  return `audit-${month}-${String(ordinal).padStart(4, '0')}.db`;
}

/** The UTC month of a time, YYYY-MM. */
export function monthOf(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, 7);
}

/** The files of the audit in a folder, oldest first. */
export function listFiles(folder: string): AuditFile[] {
  const files: AuditFile[] = [];
  for (const name of readdirSync(folder)) {
    const match = NAME.exec(name);
    if (!match) continue;
    files.push({ name, path: join(folder, name), month: match[1]!, ordinal: Number(match[2]) });
  }
  return files.sort((a, b) => a.ordinal - b.ordinal);
}

/** `listFiles` for readers: says so when there is nothing to read. */
export function requireFiles(folder: string): AuditFile[] {
  let files: AuditFile[];
  try {
    files = listFiles(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const exitCode = code === 'EACCES' || code === 'EPERM' ? EXIT.notPermitted : EXIT.failure;
    throw new AppError('E_AUDIT_FOLDER', `cannot read the audit in ${folder}: ${code}`, { exitCode, cause });
  }
  if (files.length > 0) return files;
  throw new AppError('E_AUDIT_FOLDER', `there is no audit in ${folder}`, {
    help: 'give the folder of outputs.audit.path with --path',
  });
}

/** File systems whose locks and shared memory SQLite's WAL cannot rely on, by their statfs magic. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  1937076805: 'Coda',
  1397113167: 'AFS',
  16914839: '9P',
  12805120: 'Ceph',
  18225520: 'GFS2',
  1952539503: 'OCFS2',
  198183888: 'Lustre',
};

/** The name of the network file system behind a statfs magic; undefined for a local one. */
export function networkFileSystem(type: number): string | undefined {
  return NETWORK[type >>> 0];
}

/** Makes the folder, for its owner alone, and refuses places where an audit cannot be kept. */
export function prepareFolder(folder: string): void {
  const refuse = (why: string, help: string): AppError =>
    new AppError('E_AUDIT_FOLDER', `cannot keep the audit in ${folder}: ${why}`, {
      exitCode: EXIT.invalid,
      help,
    });
  try {
    makeFolder(folder);
  } catch (cause) {
    throw refuse((cause as NodeJS.ErrnoException).code ?? String(cause), 'give a folder that can be written');
  }
  const stat = lstatSync(folder);
  if (stat.isSymbolicLink()) throw refuse('it is a symbolic link', 'name the folder itself');
  const network = networkFileSystem(statfsSync(folder).type);
  if (network) {
    throw refuse(
      `it is on ${network}`,
      'keep it on a local disk and send copies with outputs.nats or syslog',
    );
  }
  if ((stat.mode & 0o077) === 0) return;
  const foreign = readdirSync(folder).some((name) => !name.startsWith('audit') && !name.startsWith('.audit'));
  if (foreign || stat.uid !== process.geteuid?.()) {
    if ((stat.mode & 0o022) === 0) return;
    throw refuse('others can write to it', 'give a folder of its own');
  }
  chmodSync(folder, 0o700);
}
