import type { Check } from './condition.ts';
import { always, numberDecision, type Purpose, unknown } from './decision.ts';
import { destinations, destinationTerms } from './destinations.ts';
import { detectNetwork } from './detect-network.ts';
import type { OperationName } from './operations.ts';
import { complement } from './sets.ts';
import type { Decision, Term } from './term.ts';

const NETWORK: ReadonlySet<OperationName> = new Set(['connect', 'send', 'bind']);
/** By the letter of the end they speak of; none = either. The end that is bound is the server's, and our own. */
const ADDRESS = (ends: string): Set<string> =>
  new Set([...ends].flatMap((end) => [`fd.${end.trim()}ip`, `fd.${end.trim()}net`]));
const PORT = (ends: string): Set<string> => new Set([...ends].map((end) => `fd.${end.trim()}port`));
const PEER = { address: ADDRESS('sr '), port: PORT('sr ') };
const OWN = { address: ADDRESS('sl '), port: PORT('sl ') };
const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17 };

/**
 * Checks about the peer of a connection. Before the connection exists its source is not known and its server is the
 * destination, so either-endpoint fields mean the destination here; for bind they mean the socket's own address.
 */
export function decideNetwork(
  check: Check,
  operation: OperationName,
  purpose: Purpose,
): Decision | undefined {
  if (!NETWORK.has(operation)) return undefined;
  if (purpose === 'detect')
    return operation === 'bind'
      ? unknown('the address of a socket is compared in user space')
      : detectNetwork(check);
  const end = operation === 'bind' ? OWN : PEER;
  if (end.address.has(check.field)) return address(check);
  if (end.port.has(check.field)) return numberDecision('dport', check);
  switch (check.field) {
    case 'fd.l4proto': {
      const numbers = check.values.map((v) => PROTOCOLS[String(v)]).filter((n) => n !== undefined);
      return numbers.length === check.values.length
        ? numberDecision('proto', { ...check, values: numbers })
        : unknown('only tcp, udp and icmp are known', 'fd.l4proto in (tcp, udp)');
    }
    case 'fd.typechar':
    case 'fd.type':
    case 'fd.sockfamily':
      return family(check);
    default:
      return undefined;
  }
}

function address(check: Check): Decision {
  if (check.op === 'exists') return always(true, 'a destination is always given');
  if (!['=', '==', 'in', '!=', 'intersects'].includes(check.op))
    return unknown(`\`${check.op}\` on an address`);
  const wanted = destinations(check);
  if (wanted === undefined) return unknown('it is compared with what is no address');
  const terms = destinationTerms(wanted);
  if (terms.length === 0) return always(false, 'an empty list of addresses');
  if (check.op !== '!=') return { kind: 'terms', anyOf: terms, strength: 'exact' };
  if (wanted.v6.length > 0) return { kind: 'terms', anyOf: terms, strength: 'exact', negated: true };
  // Another family is different as well.
  return {
    kind: 'terms',
    anyOf: [{ on: 'number', dim: 'daddr4', set: { set: complement(wanted.v4), absent: true } }],
    strength: 'exact',
  };
}

function family(check: Check): Decision {
  const ip: Term[] = [
    { on: 'number', dim: 'daddr4', set: { set: [[0, 0xffff_ffff]], absent: false } },
    { on: 'string', dim: 'addr6', patterns: [{ at: 'prefix', text: '' }] },
  ];
  const terms = check.values.flatMap((v): Term[] => {
    if (v === '4' || v === 4 || v === 'ipv4') return [ip[0] as Term];
    if (v === '6' || v === 6 || v === 'ipv6') return [ip[1] as Term];
    return v === 'ip' ? ip : [];
  });
  if (!['=', '==', 'in'].includes(check.op)) return unknown(`\`${check.op}\` on the family`);
  return terms.length === 0
    ? always(false, 'not an internet socket')
    : { kind: 'terms', anyOf: terms, strength: 'exact' };
}
