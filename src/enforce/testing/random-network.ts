/** Random connects and messages for the property tests, and what user space would say of them. */
import fc from 'fast-check';
import { parseAddress, parseNetworkOrAddress } from '../../engine/core/address.ts';
import type { Check } from '../clauses/condition.ts';
import { BIT, type NumberDim, type StringDim } from '../clauses/term.ts';
import type { Operation } from '../tables/model.ts';
import { check, conditionOf } from './random.ts';

/** One end of a connection: 4 or 16 bytes, and a port. */
export interface End {
  readonly ip: string;
  readonly port: number;
}

/** A call as user space has it. */
export interface NetworkEvent {
  readonly event: 'connect' | 'sendto';
  readonly ret: number;
  readonly kind: '4' | '6' | 'u';
  readonly protocol: string;
  readonly client: End | undefined;
  readonly server: End | undefined;
  readonly process: string;
  /** As the kernel sees it. */
  readonly operation: Operation;
}

const EINPROGRESS = -115;
/** 256 = an internet socket of another kind, such as SCTP's. */
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, raw: 255, '<NA>': 256 };
const V4 = ['10.0.0.7', '127.0.0.1', '192.0.2.9', '0.0.0.0'];
const V6 = ['::1', '2001:db8::7', 'fd00::1'];
const NETS = ['10.0.0.0/8', '127.0.0.0/8', '192.0.2.9/32', '2001:db8::/33', 'fd00::/8', '0.0.0.0/0'];

const bytes = (text: string): string => parseAddress(text) ?? '';

/** The numbers and strings that the kernel compares; `undefined` = it does not know the destination. */
export function seen(
  socket: Pick<NetworkEvent, 'kind' | 'protocol'>,
  destination: End | null | undefined,
): Pick<Operation, 'numbers' | 'strings'> {
  const inet = socket.kind !== 'u';
  const numbers = new Map<NumberDim, number | null>([['proto', inet ? PROTOCOLS[socket.protocol]! : null]]);
  const strings = new Map<StringDim, string | null>();
  if (destination !== undefined) {
    const ip = destination?.ip;
    numbers.set('dport', destination?.port ?? null);
    numbers.set('daddr4', ip?.length === 4 ? Buffer.from(ip, 'latin1').readUInt32BE() : null);
    strings.set('addr6', ip?.length === 16 ? ip : null);
  }
  return { numbers, strings };
}

/** The bits of a call with this result. */
export const resultBits = (ret: number): number => (ret >= 0 ? BIT.ok : ret === EINPROGRESS ? BIT.extra : 0);

export const networkEvent: fc.Arbitrary<NetworkEvent> = fc
  .record({
    event: fc.constantFrom('connect' as const, 'sendto' as const),
    ret: fc.constantFrom(0, 5, EINPROGRESS, -111, -13),
    kind: fc.constantFrom('4' as const, '6' as const, 'u' as const),
    protocol: fc.constantFrom('tcp', 'udp', 'raw', '<NA>'),
    v4: fc.tuple(fc.constantFrom(...V4), fc.constantFrom(...V4)),
    v6: fc.tuple(fc.constantFrom(...V6), fc.constantFrom(...V6)),
    port: fc.constantFrom(22, 53, 443),
    process: fc.constantFrom('curl', 'bash'),
    known: fc.boolean(),
  })
  .map(({ event, ret, kind, protocol, v4, v6, port, process, known }) => {
    const inet = kind !== 'u';
    const peers = inet && (ret >= 0 || (event === 'connect' && ret === EINPROGRESS));
    const [from, to] = kind === '4' ? v4 : v6;
    const server = peers ? { ip: bytes(to), port } : undefined;
    const made = { event, ret, kind, protocol: inet ? protocol : '<NA>', process, server };
    const view = seen(made, inet ? (known ? server : undefined) : null);
    const strings = new Map([...view.strings, ['comm', process] as const]);
    return {
      ...made,
      client: peers ? { ip: bytes(from), port: 40000 } : undefined,
      operation: { event, bits: resultBits(ret), numbers: view.numbers, strings },
    };
  });

const equality = fc.constantFrom('=', '!=', 'in');
const listed = (field: string, op: string, values: readonly (string | number)[]): Check =>
  check(field, op, op === 'in' ? [...values] : [values[0] as string | number]);
const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> =>
  fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });

const networkCheck: fc.Arbitrary<Check> = fc.oneof(
  fc
    .tuple(fc.constantFrom('fd.sip', 'fd.ip'), equality, some([...V4, ...V6]))
    .map(([f, op, v]) => listed(f, op, v)),
  fc.tuple(fc.constantFrom('fd.snet', 'fd.net'), equality, some(NETS)).map(([f, op, v]) => listed(f, op, v)),
  fc
    .tuple(fc.constantFrom('fd.sport', 'fd.port'), equality, some([22, 53, 443, 40000]))
    .map(([f, op, v]) => listed(f, op, v)),
  fc
    .tuple(fc.constantFrom('<', '<=', '>', '>='), fc.constantFrom(22, 53, 1024))
    .map(([op, v]) => check('fd.sport', op, [v])),
  fc.tuple(equality, some(['tcp', 'udp', 'raw'])).map(([op, v]) => listed('fd.l4proto', op, v)),
  fc
    .tuple(fc.constantFrom('=', 'in'), some(['4', '6', 'u', 'f']))
    .map(([op, v]) => listed('fd.typechar', op, v)),
  fc.tuple(fc.constantFrom('=', 'in'), some(['ip', 'unix'])).map(([op, v]) => listed('fd.sockfamily', op, v)),
  fc.constantFrom('fd.sip', 'fd.sport').map((f) => check(f, 'exists', [])),
  fc.tuple(equality, some(['curl', 'bash'])).map(([op, v]) => listed('proc.name', op, v)),
  fc.constantFrom('connect', 'sendto').map((v) => check('evt.type', '=', [v])),
  fc.constantFrom('>=', '<').map((op) => check('evt.rawres', op, [0])),
  fc.constantFrom('EINPROGRESS', 'SUCCESS').map((v) => check('evt.res', '=', [v])),
  fc.constant(check('proc.cmdline', '=', ['x'])),
);

export const networkCondition = conditionOf(networkCheck);

const NAMES: Readonly<Record<number, string>> = { [EINPROGRESS]: 'EINPROGRESS', [-111]: 'ECONNREFUSED' };

/** Whether a check holds, as user space evaluates it. */
export function networkHolds(c: Check, e: NetworkEvent): boolean {
  const inet = e.kind !== 'u';
  const ends: readonly End[] = !inet
    ? []
    : e.client === undefined || e.server === undefined
      ? [{ ip: bytes('0.0.0.0'), port: 0 }]
      : [e.client, e.server];
  const server = e.server === undefined ? [] : [e.server];
  switch (c.field) {
    case 'fd.sip':
    case 'fd.snet':
    case 'fd.ip':
    case 'fd.net':
      return compare(c, c.field.startsWith('fd.s') ? server : ends, (end, v) => within(end.ip, String(v)));
    case 'fd.sport':
      return c.op === 'exists' || /[<>]/.test(c.op)
        ? server.some((end) => ordered(end.port, c))
        : compare(c, server, (end, v) => end.port === v);
    case 'fd.port':
      return compare(c, ends, (end, v) => end.port === v);
    case 'fd.l4proto':
      return compare(c, [e.protocol], (a, b) => a === b);
    case 'fd.typechar':
      return compare(c, [e.kind], (a, b) => a === b);
    case 'fd.sockfamily':
      return compare(c, [inet ? 'ip' : 'unix'], (a, b) => a === b);
    case 'proc.name':
      return compare(c, [e.process], (a, b) => a === b);
    case 'evt.type':
      return compare(c, [e.event as string], (a, b) => a === b);
    case 'evt.rawres':
      return ordered(e.ret, c);
    case 'evt.res':
      return compare(c, [e.ret >= 0 ? 'SUCCESS' : (NAMES[e.ret] ?? 'EACCES')], (a, b) => a === b);
    default:
      return e.process === 'curl';
  }
}

function compare<T>(
  c: Check,
  values: readonly T[],
  equal: (value: T, constant: unknown) => boolean,
): boolean {
  if (c.op === 'exists') return values.length > 0;
  if (c.op === '!=') return values.length > 0 && values.every((v) => !equal(v, c.values[0]));
  return values.some((v) => c.values.some((constant) => equal(v, constant)));
}

function ordered(value: number, { op, values }: Check): boolean {
  const than = Number(values[0]);
  if (op === 'exists') return true;
  return op === '<' ? value < than : op === '<=' ? value <= than : op === '>' ? value > than : value >= than;
}

function within(ip: string, text: string): boolean {
  const network = parseNetworkOrAddress(text);
  if (network === undefined || network.address.length !== ip.length) return false;
  const bits = (s: string): string =>
    [...s].map((ch) => ch.charCodeAt(0).toString(2).padStart(8, '0')).join('');
  return bits(ip).slice(0, network.prefix) === bits(network.address).slice(0, network.prefix);
}
