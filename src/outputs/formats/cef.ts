import type { Alert } from '../../engine/core/alert.ts';
import { baseName, factsOf } from './facts.ts';
import type { FormatContext } from './formats.ts';
import { escapeForTerminal } from './text.ts';
import { epochMs } from './time.ts';

/** By our priority, as falcosidekick maps them. */
const SEVERITY = [10, 9, 8, 7, 6, 4, 3, 0] as const;

const header = (text: string): string =>
  escapeForTerminal(text.replace(/[\\|]/g, '\\$&').replace(/[\r\n]+/g, ' '));

/** Line feeds have an escape of their own in CEF; other controls are made visible. */
function extension(text: string): string {
  const escaped = text.replace(/[\\=]/g, '\\$&');
  return escaped
    .split(/\r\n|\n|\r/)
    .map(escapeForTerminal)
    .join('\\n');
}

/** ArcSight Common Event Format, version 0. */
export function cef(alert: Alert, context: FormatContext): string {
  const head = ['CEF:0', 'Ringfence', 'Ringfence', context.version, alert.rule, alert.rule].map((part, i) =>
    i === 0 ? part : header(part),
  );
  const pairs = extensions(alert)
    .filter((pair): pair is readonly [string, string | number] => pair[1] !== undefined)
    .map(([key, value]) => `${key}=${extension(String(value))}`);
  return `${head.join('|')}|${SEVERITY[alert.priority]}|${pairs.join(' ')}`;
}

function extensions(alert: Alert): (readonly [string, string | number | undefined])[] {
  const { process, user, network, file, container, event } = factsOf(alert);
  return [
    ['rt', epochMs(alert.timeNs)],
    ['externalId', alert.uuid],
    ['dvchost', alert.hostname],
    ['act', alert.guarantee],
    ['cat', event],
    ['deviceFacility', alert.source],
    ['outcome', alert.guarantee === 'denied' || alert.guarantee === 'killed' ? 'failure' : undefined],
    ['suser', user.name],
    ['suid', user.uid],
    ['sproc', process.executable ?? process.name],
    ['spid', process.pid],
    ['fname', file === undefined ? undefined : baseName(file)],
    ['filePath', file],
    ['src', v4(network?.sourceIp)],
    ['c6a2', v6(network?.sourceIp)],
    ['c6a2Label', v6(network?.sourceIp) && 'Source IPv6 Address'],
    ['spt', network?.sourcePort],
    ['dst', v4(network?.destinationIp)],
    ['c6a3', v6(network?.destinationIp)],
    ['c6a3Label', v6(network?.destinationIp) && 'Destination IPv6 Address'],
    ['dpt', network?.destinationPort],
    ['proto', network?.protocol],
    ...custom(1, 'tags', alert.tags.length > 0 ? alert.tags.join(',') : undefined),
    ...custom(2, 'commandLine', process.commandLine),
    ...custom(3, 'containerId', container?.id),
    ...custom(4, 'containerImage', container?.image),
    ...custom(5, 'tier', alert.tier),
    ...custom(6, 'bootId', alert.bootId),
    ['msg', alert.message],
  ];
}

const v4 = (ip: string | undefined): string | undefined => (ip?.includes(':') ? undefined : ip);
const v6 = (ip: string | undefined): string | undefined => (ip?.includes(':') ? ip : undefined);

function custom(
  n: number,
  label: string,
  value: string | undefined,
): (readonly [string, string | undefined])[] {
  return [
    [`cs${n}`, value],
    [`cs${n}Label`, value === undefined ? undefined : label],
  ];
}
