import { isIP } from 'node:net';
import type { Alert } from '../../engine/core/alert.ts';

/**
 * What an alert's fields say in the terms that the SIEM formats share. Only what the rule prints is there: everything is
 * optional.
 */
export interface Facts {
  readonly event: string | undefined;
  readonly process: ProcessFacts;
  readonly parent: ProcessFacts;
  readonly user: { readonly name: string | undefined; readonly uid: number | undefined };
  readonly container: ContainerFacts | undefined;
  readonly file: string | undefined;
  readonly network: NetworkFacts | undefined;
  readonly pod: { readonly name: string | undefined; readonly namespace: string | undefined };
  readonly attack: AttackFacts;
}

export interface ProcessFacts {
  readonly name: string | undefined;
  readonly executable: string | undefined;
  readonly commandLine: string | undefined;
  readonly pid: number | undefined;
}

export interface ContainerFacts {
  readonly id: string;
  readonly name: string | undefined;
  readonly image: string | undefined;
  readonly tag: string | undefined;
  /** Digest, id, or at least the reference of the image. */
  readonly imageId: string | undefined;
}

export interface NetworkFacts {
  readonly sourceIp: string | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationIp: string | undefined;
  readonly destinationPort: number | undefined;
  readonly protocol: string | undefined;
}

export interface AttackFacts {
  readonly techniques: readonly string[];
  readonly tactics: readonly { readonly uid: string; readonly name: string }[];
}

const TACTICS: Readonly<Record<string, readonly [uid: string, name: string]>> = {
  mitre_reconnaissance: ['TA0043', 'Reconnaissance'],
  mitre_resource_development: ['TA0042', 'Resource Development'],
  mitre_initial_access: ['TA0001', 'Initial Access'],
  mitre_execution: ['TA0002', 'Execution'],
  mitre_persistence: ['TA0003', 'Persistence'],
  mitre_privilege_escalation: ['TA0004', 'Privilege Escalation'],
  mitre_defense_evasion: ['TA0005', 'Defense Evasion'],
  mitre_credential_access: ['TA0006', 'Credential Access'],
  mitre_discovery: ['TA0007', 'Discovery'],
  mitre_lateral_movement: ['TA0008', 'Lateral Movement'],
  mitre_collection: ['TA0009', 'Collection'],
  mitre_command_and_control: ['TA0011', 'Command and Control'],
  mitre_exfiltration: ['TA0010', 'Exfiltration'],
  mitre_impact: ['TA0040', 'Impact'],
};

const TECHNIQUE = /^T\d{4}(?:\.\d{3})?$/;

/** Gathers the facts. */
export function factsOf(alert: Alert): Facts {
  const text = (key: string): string | undefined => {
    const value = alert.fields[key];
    if (value === null || value === undefined || value === '' || Array.isArray(value)) return undefined;
    return String(value);
  };
  const int = (key: string): number | undefined => {
    const value = Number(text(key));
    return Number.isSafeInteger(value) ? value : undefined;
  };
  return {
    event: text('evt.type'),
    process: {
      name: text('proc.name'),
      executable: text('proc.exepath'),
      commandLine: text('proc.exeline') ?? text('proc.cmdline'),
      pid: int('proc.pid'),
    },
    parent: {
      name: text('proc.pname'),
      executable: text('proc.pexepath'),
      commandLine: text('proc.pexeline') ?? text('proc.pcmdline'),
      pid: int('proc.ppid'),
    },
    user: { name: text('user.name'), uid: int('user.uid') },
    container: containerOf(text),
    file: fileOf(text),
    network: networkOf(text, int),
    pod: { name: text('k8s.pod.name'), namespace: text('k8s.ns.name') },
    attack: attackOf(alert.tags),
  };
}

type Text = (key: string) => string | undefined;

function containerOf(text: Text): ContainerFacts | undefined {
  const id = text('container.id');
  if (id === undefined || id === 'host') return undefined;
  const image = text('container.image.repository');
  const tag = text('container.image.tag');
  const reference = image && (tag ? `${image}:${tag}` : image);
  return {
    id,
    name: text('container.name'),
    image,
    tag,
    imageId: text('container.image.digest') ?? text('container.image.id') ?? reference,
  };
}

/** `fd.name` is a path for files and an address pair for sockets. */
function fileOf(text: Text): string | undefined {
  const name = text('fd.name') ?? text('fs.path.name');
  return name?.startsWith('/') ? name : text('fs.path.name');
}

const ENDPOINTS = /^(?<sip>[0-9a-f.:]+):(?<sport>\d+)->(?<dip>[0-9a-f.:]+):(?<dport>\d+)$/i;

function networkOf(text: Text, int: (key: string) => number | undefined): NetworkFacts | undefined {
  const pair = ENDPOINTS.exec(text('fd.name') ?? '')?.groups;
  const ip = (value: string | undefined): string | undefined => (isIP(value ?? '') ? value : undefined);
  const port = (value: number | undefined): number | undefined =>
    value !== undefined && value >= 0 && value <= 65_535 ? value : undefined;
  const facts = {
    sourceIp: ip(text('fd.cip') ?? text('fd.lip') ?? pair?.sip),
    sourcePort: port(int('fd.cport') ?? int('fd.lport') ?? Number(pair?.sport)),
    destinationIp: ip(text('fd.sip') ?? text('fd.rip') ?? pair?.dip),
    destinationPort: port(int('fd.sport') ?? int('fd.rport') ?? Number(pair?.dport)),
    protocol: text('fd.l4proto'),
  };
  return facts.sourceIp === undefined && facts.destinationIp === undefined ? undefined : facts;
}

function attackOf(tags: readonly string[]): AttackFacts {
  return {
    techniques: tags.filter((tag) => TECHNIQUE.test(tag)),
    tactics: tags.flatMap((tag) => {
      const tactic = Object.hasOwn(TACTICS, tag) ? TACTICS[tag] : undefined;
      return tactic ? [{ uid: tactic[0], name: tactic[1] }] : [];
    }),
  };
}

/** The last component of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path;
}
