import type { DenyList } from '../../enforce/index.ts';
import type { CompiledRule } from '../../rules/index.ts';
import { formatAddress, isUnspecified } from '../core/address.ts';
import { parseDuration } from '../core/units.ts';
import type { Event } from '../enrich/event.ts';

const LOOPBACK_V4 = 127;
const LOOPBACK_V6 = `${'\0'.repeat(15)}\x01`;

/** Does what a rule wants done after its alert. */
export function respond(deny: DenyList, event: Event, rule: CompiledRule<Event>): void {
  for (const { action, options } of rule.respond) {
    if (action !== 'deny_ip') continue;
    const peer = peerOf(event);
    if (peer === undefined) continue;
    const ttl = options.ttl === undefined ? undefined : parseDuration(options.ttl);
    deny.ensure({
      target: formatAddress(peer),
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
    isUnspecified(ip) || ip === LOOPBACK_V6 || (ip.length === 4 && ip.charCodeAt(0) === LOOPBACK_V4);
  return own ? undefined : ip;
}
