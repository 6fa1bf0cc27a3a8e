/** A row as the report looks at it. */
export interface EvidenceRow {
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A kind of evidence: its name in the report, and which rows belong to it. */
export interface Evidence {
  readonly title: string;
  readonly holds: (row: EvidenceRow) => boolean;
  /** That there is none is good news. */
  readonly quiet?: boolean;
}

const isAlert = ({ kind }: EvidenceRow): boolean => kind === 'alert' || kind === 'denial';

/** Alerts about Ringfence itself. */
export const isInternal = (row: EvidenceRow): boolean => isAlert(row) && row.body.source === 'internal';

const ofKind = (title: string, ...kinds: string[]): Evidence => ({
  title,
  holds: ({ kind }) => kinds.includes(kind),
});

/** Alerts whose rule carries one of the tags, or a tag that begins with one of those that end in `*`. */
const tagged = (title: string, ...tags: string[]): Evidence => ({
  title,
  holds: (row) => isAlert(row) && tagsOf(row).some((tag) => tags.some((wanted) => tagFits(wanted, tag))),
});

function tagFits(wanted: string, tag: string): boolean {
  return wanted.endsWith('*') ? tag.startsWith(wanted.slice(0, -1)) : wanted === tag;
}

function tagsOf({ body }: EvidenceRow): string[] {
  return Array.isArray(body.tags) ? body.tags.map(String) : [];
}

function field({ body }: EvidenceRow, name: string): unknown {
  for (const group of [body.output_fields, body.event]) {
    if (typeof group === 'object' && group !== null && Object.hasOwn(group, name)) {
      return (group as Record<string, unknown>)[name];
    }
  }
  return undefined;
}

/** THE EVIDENCE TABLE: what the rows of an audit can be evidence of. Controls refer to these by key. */
export const EVIDENCE = {
  alerts: { title: 'alerts of rules', holds: (row) => isAlert(row) && !isInternal(row) },
  privileged: {
    title: 'alerts about acts of the superuser',
    holds: (row) =>
      isAlert(row) && (String(field(row, 'user.uid')) === '0' || field(row, 'user.name') === 'root'),
  },
  container: {
    title: 'alerts from inside containers',
    holds: (row) =>
      isAlert(row) && !['', 'host', 'null', 'undefined'].includes(String(field(row, 'container.id'))),
  },
  denials: ofKind('acts that were refused or killed', 'denial'),
  wouldDeny: {
    title: 'acts that enforcement would have refused',
    quiet: true,
    holds: (row) => row.kind === 'alert' && row.body.guarantee === 'would_deny',
  },
  credentials: tagged(
    'alerts about credentials and their files',
    'mitre_credential_access',
    'users',
    'T1003',
    'T1552*',
  ),
  escalation: tagged(
    'alerts about privilege escalation',
    'mitre_privilege_escalation',
    'T1068',
    'T1548*',
    'T1611',
  ),
  files: tagged(
    'alerts about watched files and folders',
    'filesystem',
    'mitre_persistence',
    'T1565*',
    'T1222*',
  ),
  network: tagged(
    'alerts about network connections',
    'network',
    'mitre_command_and_control',
    'mitre_exfiltration',
  ),
  execution: tagged('alerts about programs that were started', 'process', 'mitre_execution', 'T1059*'),
  malware: tagged(
    'alerts about malicious code',
    'mitre_impact',
    'mitre_defense_evasion',
    'T1496',
    'T1620',
    'T1014',
  ),
  reads: ofKind('reading of the audit itself', 'read'),
  lifecycle: ofKind('starts and stops of the engine', 'start', 'stop'),
  policy: ofKind('loads of rules and policy, changes of mode', 'policy', 'mode'),
  changes: ofKind(
    'changes through the control socket and of deny lists',
    'deny_list',
    'control',
    'mode',
    'key',
  ),
  responses: ofKind('responses to alerts', 'response', 'deny_list'),
  failures: {
    title: 'losses, gaps and failures of the engine or its sensors',
    holds: (row) => ['loss', 'gap', 'health'].includes(row.kind) || isInternal(row),
    quiet: true,
  },
  clock: { ...ofKind('steps of the wall clock', 'clock'), quiet: true },
  anchors: ofKind('published heads of the chain', 'anchor'),
  retention: ofKind('finished files, and files removed by retention', 'seal', 'retention'),
} as const satisfies Record<string, Evidence>;

export type EvidenceKey = keyof typeof EVIDENCE;

/** The entry of a key, with the members that only some have. */
export function evidence(key: EvidenceKey): Evidence {
  return EVIDENCE[key];
}
