import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';

/** Every capability of the service, with the reason for it. A test runs the engine with exactly these. */
export const CAPABILITIES = {
  CAP_BPF: 'loads programs and maps',
  CAP_PERFMON: 'attaches them to hooks',
  CAP_NET_ADMIN: 'refuses connections at the cgroup root',
  CAP_SYS_PTRACE: 'reads executables and roots of processes of other users under /proc',
  CAP_DAC_READ_SEARCH: 'reads what only other users may: their descriptors and environments under /proc',
} as const;

export interface UnitOptions {
  /** The program as the service calls it. */
  readonly program: string;
  /** Configuration file; absent = the usual places. */
  readonly config: string | undefined;
  /** Policy outlives the service: the BPF file system must be writable. */
  readonly pin: boolean;
  /** Folders that the configuration writes to, outside of those that systemd makes for the service. */
  readonly writable?: readonly string[];
}

/** Folders that systemd makes for the service (StateDirectory and the like), and those of its own (PrivateTmp). */
const OWN_FOLDERS = ['/var/lib/ringfence', '/var/log/ringfence', '/run/ringfence', '/tmp', '/var/tmp'];

/** Folders that the service writes to by its configuration and that `ProtectSystem=strict` would keep read-only. */
export function writableFolders(config: Config): string[] {
  const entries = Object.values(config.outputs) as readonly Partial<Record<string, unknown>>[];
  const text = (value: unknown): string[] => (typeof value === 'string' ? [value] : []);
  const spool = (entry: Partial<Record<string, unknown>>): unknown =>
    (entry.spool as { readonly path?: unknown } | undefined)?.path;
  const { audit } = config.outputs as { readonly audit?: Partial<Record<string, unknown>> };
  const files = Object.entries(config.outputs).flatMap(([name, entry]) => {
    const { type = name, path } = entry as { readonly type?: string; readonly path?: unknown };
    return type === 'file' ? text(path) : [];
  });
  const folders = [
    config.state_dir,
    ...text(audit?.path),
    ...text(audit?.archive_path),
    ...entries.flatMap((entry) => text(spool(entry))),
    ...[...files, ...text(audit?.anchor_file), config.control.socket, ...text(config.http.socket)].map(
      dirname,
    ),
  ];
  const own = (path: string): boolean => OWN_FOLDERS.some((folder) => `${path}/`.startsWith(`${folder}/`));
  return [...new Set(folders.map((folder) => resolve(folder)))].filter((folder) => !own(folder)).sort();
}

/** The systemd unit: supervised, watched, and without every right that the engine does not use. */
export function serviceUnit({ program, config, pin, writable = [] }: UnitOptions): string {
  const options = config === undefined ? '' : ` --config ${quoted(config)}`;
  const run = quoted(program);
  const places =
    writable.length === 0
      ? ''
      : `# Named by the configuration.\nReadWritePaths=${writable.map((path) => literal(`-${path}`)).join(' ')}\n`;
  const caps = Object.entries(CAPABILITIES).map(([name, why]) => `# ${name}: ${why}`);
  return `# Written by \`ringfence install-service\`. Change it with \`systemctl edit ringfence\`, not here.
[Unit]
Description=Ringfence runtime security
After=local-fs.target sysinit.target
StartLimitIntervalSec=120
StartLimitBurst=30

[Service]
Type=notify
NotifyAccess=main
# Answered only by the thread that drains the rings: when it is stuck, the service is started anew.
WatchdogSec=30
Environment=RINGFENCE_SKIP_SETUP=1
ExecStart=${run} run${options}
ExecReload=${run} validate${options}
ExecReload=/bin/kill -HUP $MAINPID
# 2 = usage, 3 = rules or configuration not valid, 5 = this machine cannot: trying again does not help.
Restart=on-failure
RestartSec=100ms
RestartPreventExitStatus=2 3 5
TimeoutStartSec=60
TimeoutStopSec=20
OOMScoreAdjust=-500
TasksMax=64
LimitNOFILE=65536
Nice=-10

StateDirectory=ringfence
StateDirectoryMode=0700
LogsDirectory=ringfence
RuntimeDirectory=ringfence
RuntimeDirectoryMode=0700
ConfigurationDirectory=ringfence
UMask=0077

${caps.join('\n')}
CapabilityBoundingSet=${Object.keys(CAPABILITIES).join(' ')}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectKernelTunables=yes
${pin ? '# Pinned policy lives here.\nReadWritePaths=/sys/fs/bpf\n' : ''}${places}DevicePolicy=closed
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallFilter=@system-service bpf perf_event_open
SystemCallErrorNumber=EPERM
# Not set, because they break it: MemoryDenyWriteExecute (the JavaScript compiler), ProtectProc, ProcSubset and
# PrivateNetwork (other processes could not be looked at), PrivateBPF (pins).

[Install]
WantedBy=multi-user.target
`;
}

/** A word of a command line, as systemd reads it: % and $ stand for themselves when doubled. */
const quoted = (word: string): string => literal(word.replaceAll('$', '$$$$'));

/** A word of a list: % stands for itself when doubled. */
function literal(word: string): string {
  const text = word.replaceAll('%', '%%');
  return /^[\w./%$@:+,=-]+$/.test(text)
    ? text
    : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
