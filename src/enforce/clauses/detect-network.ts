import type { Check } from './condition.ts';
import { numberDecision, numberSet, unknown } from './decision.ts';
import { destinations, destinationTerms } from './destinations.ts';
import { complement, EVERYTHING } from './sets.ts';
import type { Decision, Term } from './term.ts';

const EQUAL = new Set(['=', '==', 'in', 'intersects']);
/** What the kernel calls the protocol of a socket: by the socket's type, as fd.l4proto does. */
const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, raw: 255 };

/** Either end of a connection: its own end is looked up in user space. */
const EITHER_END = new Set(['fd.ip', 'fd.net', 'fd.port']);

const INTERNET = new Set(['4', '6', 'ipv4', 'ipv6', 'ip']);
const INTERNET_SOCKET: Term = { on: 'number', dim: 'proto', set: { set: EVERYTHING, absent: false } };
const OTHER_SOCKET: Term = { on: 'number', dim: 'proto', set: { set: [], absent: true } };

const ANY_V4: Term = { on: 'number', dim: 'daddr4', set: { set: EVERYTHING, absent: false } };
const ANY_V6: Term = { on: 'string', dim: 'addr6', patterns: [{ at: 'prefix', text: '' }] };

const exact = (...anyOf: Term[]): Decision => ({ kind: 'terms', anyOf, strength: 'exact' });
const necessary = (...anyOf: Term[]): Decision => ({ kind: 'terms', anyOf, strength: 'necessary' });

/**
 * Checks about the socket of a connect or a message that is over. Where the kernel does not know the destination it
 * concludes nothing; where there is none (a unix socket) the fields are missing and every comparison is false.
 */
export function detectNetwork(check: Check): Decision | undefined {
  switch (check.field) {
    case 'fd.sip':
    case 'fd.snet':
      return server(check);
    case 'fd.sport':
      return check.op === 'exists' ? exact(ANY_V4, ANY_V6) : numberDecision('dport', check);
    case 'fd.ip':
    case 'fd.net':
    case 'fd.port':
      return neither(check);
    case 'fd.l4proto':
      return protocol(check);
    case 'fd.typechar':
    case 'fd.type':
    case 'fd.sockfamily':
      return kind(check);
    default:
      return undefined;
  }
}

function server(check: Check): Decision {
  if (check.op === 'exists') return exact(ANY_V4, ANY_V6);
  const wanted = destinations(check);
  if (wanted === undefined) return unknown('it is compared with what is no address');
  if (EQUAL.has(check.op)) {
    const terms = destinationTerms(wanted);
    return terms.length === 0 ? unknown('there is nothing to compare with') : exact(...terms);
  }
  if (check.op !== '!=') return unknown(`\`${check.op}\` on an address`);
  // A socket without an address is not "different": the check is false for it.
  if (wanted.v6.length > 0) return necessary(ANY_V4, ANY_V6);
  return exact({ on: 'number', dim: 'daddr4', set: { set: complement(wanted.v4), absent: false } }, ANY_V6);
}

/**
 * `!=` on either end holds only if the server's end differs; equality may be met by the other end, but where it does not
 * hold the server's end differs as well.
 */
function neither(check: Check): Decision {
  const reason = 'the own end of a connection is looked up in user space';
  const differs = EITHER_END.has(check.field) ? serverDiffers(check) : undefined;
  if (differs === undefined || (check.op !== '!=' && !EQUAL.has(check.op))) return unknown(reason);
  return check.op === '!=' ? necessary(differs) : { kind: 'unknown', reason, opposite: [differs] };
}

/** The server's end is none of the values of a check. */
function serverDiffers(check: Check): Term | undefined {
  if (check.field === 'fd.port') {
    const set = numberSet('in', check.values);
    return set && { on: 'number', dim: 'dport', set: { set: complement(set), absent: true } };
  }
  const wanted = destinations(check);
  if (wanted === undefined || wanted.v6.length > 0) return undefined;
  return { on: 'number', dim: 'daddr4', set: { set: complement(wanted.v4), absent: true } };
}

/** A descriptor that is no internet socket has another protocol than any of these. */
function protocol(check: Check): Decision {
  const numbers = check.values.map((v) => PROTOCOLS[String(v)]);
  if (numbers.includes(undefined)) return unknown(`only ${Object.keys(PROTOCOLS).join(', ')} are known`);
  const differs = check.op === '!=';
  if (!EQUAL.has(check.op) && !differs) return unknown(`\`${check.op}\` on a protocol`);
  const set = numberSet(check.op, numbers as number[]);
  if (set === undefined) return unknown(`\`${check.op}\` on a protocol`);
  return exact({ on: 'number', dim: 'proto', set: { set, absent: differs } });
}

/**
 * Whether it is an internet socket, which the protocol tells: the address may be missing although the family is known,
 * as after a connection that failed. The family itself is told apart in user space.
 */
function kind(check: Check): Decision {
  if (!EQUAL.has(check.op)) return unknown(`\`${check.op}\` on the kind of a descriptor`);
  const internet = check.values.map((v) => INTERNET.has(String(v)));
  if (internet.every(Boolean)) return necessary(INTERNET_SOCKET);
  return internet.some(Boolean) ? unknown('it is told apart in user space') : necessary(OTHER_SOCKET);
}
