import type { Alert } from '../../engine/core/alert.ts';
import { baseName, type Facts, factsOf, type ProcessFacts } from './facts.ts';
import { outputFields, ringfenceMember } from './falco.ts';
import type { FormatContext } from './formats.ts';
import { type Json, stringify } from './json.ts';
import { rfc3339Milli } from './time.ts';

const ECS_VERSION = '8.17.0';

type JsonObject = { readonly [key: string]: Json };

/** Event names by the ECS category they belong to; others are `host`. */
const CATEGORIES: readonly (readonly [category: string, type: string, events: RegExp])[] = [
  ['process', 'start', /^(execve|execveat|clone|clone3|fork|vfork)$/],
  ['process', 'end', /^procexit$/],
  ['process', 'change', /^(ptrace|setuid|setgid|setresuid|setresgid|capset|prctl|kill|tkill|tgkill)$/],
  ['network', 'connection', /^(connect|accept|accept4|bind|listen|socket|sendto|sendmsg|recvfrom|recvmsg)$/],
  ['file', 'deletion', /^(unlink|unlinkat|rmdir)$/],
  [
    'file',
    'change',
    /^(rename|renameat|renameat2|link|linkat|symlink|symlinkat|chmod|fchmod|fchmodat|chown)$/,
  ],
  ['file', 'creation', /^(mkdir|mkdirat|creat|mknod|mknodat)$/],
  ['file', 'access', /^(open|openat|openat2|open_by_handle_at)$/],
  ['driver', 'start', /^(init_module|finit_module|bpf)$/],
  ['configuration', 'change', /^(mount|umount|umount2|unshare|setns)$/],
];

/** Elastic Common Schema, as an alert event. */
export function ecsDocument(alert: Alert, context: FormatContext): JsonObject {
  const facts = factsOf(alert);
  return {
    '@timestamp': rfc3339Milli(alert.timeNs),
    ecs: { version: ECS_VERSION },
    message: alert.message,
    event: eventOf(alert, facts),
    rule: { name: alert.rule, ruleset: alert.location?.file, category: alert.source },
    log: {
      level: ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'][
        alert.priority
      ],
    },
    tags: alert.tags.length > 0 ? alert.tags : undefined,
    threat: threatOf(facts),
    host: { hostname: alert.hostname, name: alert.hostname, boot: { id: alert.bootId } },
    observer: { vendor: 'Ringfence', product: 'Ringfence', type: 'sensor', version: context.version },
    process: processOf(facts.process, processOf(facts.parent)),
    user: userOf(facts.user),
    file: facts.file ? { path: facts.file, name: baseName(facts.file) } : undefined,
    source: endpoint(facts.network?.sourceIp, facts.network?.sourcePort),
    destination: endpoint(facts.network?.destinationIp, facts.network?.destinationPort),
    network: facts.network?.protocol ? { transport: facts.network.protocol } : undefined,
    container: facts.container && {
      id: facts.container.id,
      name: facts.container.name,
      image: facts.container.image
        ? { name: facts.container.image, tag: facts.container.tag ? [facts.container.tag] : undefined }
        : undefined,
    },
    orchestrator: facts.pod.name
      ? {
          type: 'kubernetes',
          namespace: facts.pod.namespace,
          resource: { type: 'pod', name: facts.pod.name },
        }
      : undefined,
    ringfence: { ...ringfenceMember(alert), output_fields: outputFields(alert) },
  };
}

export function ecsJson(alert: Alert, context: FormatContext): string {
  return stringify(ecsDocument(alert, context));
}

function eventOf(alert: Alert, facts: Facts): JsonObject {
  const [category, type] = CATEGORIES.find(([, , events]) => events.test(facts.event ?? '')) ?? [
    'host',
    'info',
  ];
  const denied = alert.guarantee === 'denied' || alert.guarantee === 'killed';
  return {
    id: alert.uuid,
    kind: 'alert',
    category: ['intrusion_detection', category],
    type: denied ? [type, 'denied'] : [type],
    action: facts.event,
    outcome: denied ? 'failure' : 'unknown',
    severity: 7 - alert.priority,
    module: 'ringfence',
    dataset: 'ringfence.alert',
    provider: alert.source,
  };
}

function threatOf({ attack }: Facts): Json {
  if (attack.techniques.length === 0 && attack.tactics.length === 0) return undefined;
  const main = attack.techniques.filter((id) => !id.includes('.'));
  const sub = attack.techniques.filter((id) => id.includes('.'));
  const ids = [...new Set([...main, ...sub.map((id) => id.slice(0, 5))])];
  return {
    framework: 'MITRE ATT&CK',
    tactic:
      attack.tactics.length > 0
        ? { id: attack.tactics.map(({ uid }) => uid), name: attack.tactics.map(({ name }) => name) }
        : undefined,
    technique:
      ids.length > 0 ? { id: ids, subtechnique: sub.length > 0 ? { id: sub } : undefined } : undefined,
  };
}

function processOf(process: ProcessFacts, parent?: Json): Json {
  const object: JsonObject = {
    pid: process.pid,
    name: process.name,
    executable: process.executable,
    command_line: process.commandLine,
    parent,
  };
  return Object.values(object).some((value) => value !== undefined) ? object : undefined;
}

function userOf({ name, uid }: Facts['user']): Json {
  if (name === undefined && uid === undefined) return undefined;
  return { name, id: uid === undefined ? undefined : String(uid) };
}

function endpoint(ip: string | undefined, port: number | undefined): Json {
  return ip === undefined ? undefined : { ip, address: ip, port };
}
