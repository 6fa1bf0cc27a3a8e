import type { Alert, Guarantee } from '../../engine/core/alert.ts';
import {
  baseName,
  type ContainerFacts,
  type Facts,
  factsOf,
  type NetworkFacts,
  type ProcessFacts,
} from './facts.ts';
import { outputFields, ringfenceMember } from './falco.ts';
import type { FormatContext } from './formats.ts';
import { type Json, stringify } from './json.ts';
import { epochMs } from './time.ts';

const OCSF_VERSION = '1.5.0';
const CLASS_UID = 2004;
const CREATE = 1;

/** By our priority: Fatal, Critical, High, Medium, Low, Informational. */
const SEVERITY: readonly (readonly [id: number, name: string])[] = [
  [6, 'Fatal'],
  [5, 'Critical'],
  [5, 'Critical'],
  [4, 'High'],
  [3, 'Medium'],
  [2, 'Low'],
  [1, 'Informational'],
  [1, 'Informational'],
];

/** What the kernel did, as the security_control profile says it. A killed process was let in first. */
const CONTROL: Readonly<
  Record<Guarantee, { action: readonly [number, string]; disposition: readonly [number, string] }>
> = {
  denied: { action: [2, 'Denied'], disposition: [2, 'Blocked'] },
  killed: { action: [2, 'Denied'], disposition: [2, 'Blocked'] },
  would_deny: { action: [1, 'Allowed'], disposition: [15, 'Detected'] },
  observed: { action: [1, 'Allowed'], disposition: [15, 'Detected'] },
};

type JsonObject = { readonly [key: string]: Json };

/** OCSF Detection Finding (2004), Create, with the security_control profile. */
export function ocsfDocument(alert: Alert, context: FormatContext): JsonObject {
  const facts = factsOf(alert);
  const [severity_id, severity] = SEVERITY[alert.priority] ?? [0, 'Unknown'];
  const { action, disposition } = CONTROL[alert.guarantee];
  const time = epochMs(alert.timeNs);
  const evidence = evidenceOf(facts);
  return {
    activity_id: CREATE,
    activity_name: 'Create',
    category_uid: 2,
    category_name: 'Findings',
    class_uid: CLASS_UID,
    class_name: 'Detection Finding',
    type_uid: CLASS_UID * 100 + CREATE,
    time,
    severity_id,
    severity,
    status_id: 1,
    status: 'New',
    message: alert.message,
    is_alert: true,
    action_id: action[0],
    action: action[1],
    disposition_id: disposition[0],
    disposition: disposition[1],
    metadata: {
      version: OCSF_VERSION,
      uid: alert.uuid,
      product: { name: 'Ringfence', vendor_name: 'Ringfence', version: context.version },
      profiles: ['host', 'security_control'],
      log_name: alert.source,
      labels: alert.tags.length > 0 ? alert.tags : undefined,
    },
    finding_info: {
      uid: alert.uuid,
      title: alert.rule,
      desc: alert.message,
      created_time: time,
      analytic: { name: alert.rule, type_id: 1, type: 'Rule' },
      attacks: attacksOf(facts),
    },
    device: { hostname: alert.hostname, type_id: 0 },
    evidences: evidence ? [evidence] : undefined,
    unmapped: { output_fields: outputFields(alert), ringfence: ringfenceMember(alert) },
  };
}

export function ocsfJson(alert: Alert, context: FormatContext): string {
  return stringify(ocsfDocument(alert, context));
}

function attacksOf({ attack }: Facts): Json {
  const attacks: JsonObject[] = attack.techniques.map((id) =>
    id.includes('.')
      ? { technique: { uid: id.slice(0, 5) }, sub_technique: { uid: id } }
      : { technique: { uid: id } },
  );
  for (const { uid, name } of attack.tactics) attacks.push({ tactic: { uid, name } });
  return attacks.length > 0 ? attacks : undefined;
}

/** The evidence object, if the alert's fields hold anything that OCSF has a place for. */
function evidenceOf(facts: Facts): JsonObject | undefined {
  const process = processOf(facts.process, facts.user, processOf(facts.parent));
  const user = userOf(facts.user);
  const evidence: JsonObject = {
    actor: process || user ? { process, user } : undefined,
    process,
    container: facts.container && {
      uid: facts.container.id,
      name: facts.container.name,
      image: imageOf(facts.container),
    },
    file: facts.file ? { name: baseName(facts.file), path: facts.file, type_id: 0 } : undefined,
    src_endpoint: endpoint(facts.network?.sourceIp, facts.network?.sourcePort),
    dst_endpoint: endpoint(facts.network?.destinationIp, facts.network?.destinationPort),
    connection_info: connectionOf(facts.network),
  };
  const needed = [evidence.actor, evidence.file, evidence.src_endpoint, evidence.dst_endpoint];
  return needed.some((part) => part !== undefined) ? evidence : undefined;
}

/** OCSF has an image only with an identifier. */
function imageOf({ image, tag, imageId }: ContainerFacts): Json {
  return imageId === undefined ? undefined : { uid: imageId, name: image, tag };
}

function userOf({ name, uid }: Facts['user']): Json {
  if (name === undefined && uid === undefined) return undefined;
  return { name, uid: uid === undefined ? undefined : String(uid) };
}

/** OCSF has a process only with its number. */
function processOf(process: ProcessFacts, user?: Facts['user'], parent?: Json): Json {
  if (process.pid === undefined) return undefined;
  return {
    pid: process.pid,
    name: process.name,
    cmd_line: process.commandLine,
    file: process.executable
      ? { name: baseName(process.executable), path: process.executable, type_id: 1 }
      : undefined,
    user: user && userOf(user),
    parent_process: parent,
  };
}

function endpoint(ip: string | undefined, port: number | undefined): Json {
  return ip === undefined ? undefined : { ip, port };
}

function connectionOf(network: NetworkFacts | undefined): Json {
  if (network?.protocol === undefined) return undefined;
  return { direction_id: 0, protocol_name: network.protocol };
}
