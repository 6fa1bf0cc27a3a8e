import type { DenyList } from '../../enforce/index.ts';
import type { CompiledRule } from '../../rules/index.ts';
import { parseDuration } from '../core/units.ts';
import type { Event } from '../enrich/event.ts';

const LOOPBACK_V4 = 127;
const UNSPECIFIED = /^\0+$/;
const LOOPBACK_V6 = `${'\0'.repeat(15)}\x01`;

/** Does what a rule wants done after its alert. */
export function respond(deny: DenyList, event: Event, rule: CompiledRule<Event>): void {
  for (const { action, options } of rule.respond) {
    if (action !== 'deny_ip') continue;
    const peer = peerOf(event);
    if (peer === undefined) continue;
    const ttl = options.ttl === undefined ? undefined : parseDuration(options.ttl);
    deny.ensure({
      target: textOf(peer),
      ttl,
      source: `rule ${rule.name}`,
      reason: options.reason ?? rule.name,
    });
  }
}

/** The other end of the event's connection; nothing for this host itself, which must not lock itself out. */
function peerOf(event: Event): string | undefined {
  const socket = event.fd.socket;
  if (socket === undefined || socket.role === 'none' || socket.role === 'listen') return undefined;
  const ip = socket.role === 'client' ? socket.serverIp : socket.clientIp;
  const own =
    UNSPECIFIED.test(ip) || ip === LOOPBACK_V6 || (ip.length === 4 && ip.charCodeAt(0) === LOOPBACK_V4);
  return own ? undefined : ip;
}

function textOf(ip: string): string {
  const bytes = [...ip].map((c) => c.charCodeAt(0));
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(':');
}
