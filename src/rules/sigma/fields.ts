/** What Sigma's Linux log sources and their fields are here. */

export interface LogSource {
  /** Which events it stands for. */
  readonly condition: string;
  readonly output: string;
}

export const LOG_SOURCES: Readonly<Record<string, LogSource>> = {
  process_creation: {
    condition: 'evt.type in (execve, execveat) and evt.res = SUCCESS',
    output:
      'command=%proc.exeline exe=%proc.exepath parent=%proc.pname user=%user.name container=%container.id',
  },
  file_event: {
    condition: 'evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.num >= 0',
    output: 'file=%fd.name command=%proc.exeline exe=%proc.exepath user=%user.name container=%container.id',
  },
  network_connection: {
    condition: 'evt.type = connect and fd.typechar in (4, 6) and (evt.rawres >= 0 or evt.res = EINPROGRESS)',
    output:
      'connection=%fd.name command=%proc.exeline exe=%proc.exepath user=%user.name container=%container.id',
  },
};

export type SigmaField =
  | { readonly field: string; readonly kind: 'text' | 'number' | 'ip' }
  | { readonly why: string };

export const SIGMA_FIELDS: Readonly<Record<string, SigmaField>> = {
  // proc.cmdline would begin with the task name: no directory, and no more than 15 bytes.
  CommandLine: { field: 'proc.exeline', kind: 'text' },
  Image: { field: 'proc.exepath', kind: 'text' },
  ParentImage: { field: 'proc.pexepath', kind: 'text' },
  ParentCommandLine: { field: 'proc.pexeline', kind: 'text' },
  TargetFilename: { field: 'fd.name', kind: 'text' },
  User: { field: 'user.name', kind: 'text' },
  CurrentDirectory: { field: 'proc.cwd', kind: 'text' },
  LogonId: { field: 'user.loginuid', kind: 'number' },
  DestinationIp: { field: 'fd.sip', kind: 'ip' },
  DestinationPort: { field: 'fd.sport', kind: 'number' },
  DestinationHostname: { why: 'the kernel sees addresses, not the name that was looked up' },
};

export const LEVELS: Readonly<Record<string, string>> = {
  informational: 'INFO',
  low: 'NOTICE',
  medium: 'WARNING',
  high: 'ERROR',
  critical: 'CRITICAL',
};
