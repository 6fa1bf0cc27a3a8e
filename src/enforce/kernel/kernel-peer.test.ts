import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { allocate, lastErrno, native } from '../../sensors/bpf/libbpf.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { loadObject } from '../../sensors/loader.ts';
import { compilePolicy } from '../tables/compile.ts';
import { classify } from '../tables/model.ts';
import type { Policy } from '../tables/tables.ts';
import { QUERY_BYTES, writeQuery } from '../testing/query.ts';
import { type End, networkCondition, resultBits, seen } from '../testing/random-network.ts';
import { TestRun } from '../testing/run.ts';
import { KernelPolicy } from './kernel-policy.ts';

/** The destination of connects and messages, as the kernel program finds it in real sockets. */
const skip = process.getuid?.() === 0 ? false : 'needs root';
const [AF_UNIX, AF_INET, AF_INET6] = [1, 2, 10];
const [STREAM, DGRAM] = [1, 2];
const EINPROGRESS = 115;
const NONBLOCK = 0o4000;

let object: BpfObject;
let policy: KernelPolicy;
const query = skip === false ? new TestRun(QUERY_BYTES) : undefined;

interface Made {
  readonly name: string;
  readonly event: 'connect' | 'sendto';
  readonly fd: number;
  readonly ret: number;
  /** Where the message goes: an address in memory. */
  readonly to: bigint;
  readonly kind: '4' | '6' | 'u';
  readonly protocol: string;
  /** null = it has none, undefined = not to be known. */
  readonly destination: End | null | undefined;
}
const made: Made[] = [];
const opened: number[] = [];

const call = (name: string, ...args: (number | bigint | Uint8Array | null)[]): number =>
  native().syscall(syscallNumber(name) ?? -1, ...args, ...new Array<null>(5 - args.length).fill(null));

function socket(family: number, type: number): number {
  const fd = call('socket', family, type, 0);
  assert.ok(fd >= 0);
  opened.push(fd);
  return fd;
}

function sockaddr(ip: string, port: number): Buffer {
  const bytes = Buffer.alloc(ip.length === 4 ? 16 : 28);
  bytes.writeUInt16LE(ip.length === 4 ? AF_INET : AF_INET6);
  bytes.writeUInt16BE(port, 2);
  bytes.write(ip, ip.length === 4 ? 4 : 8, 'latin1');
  return bytes;
}

const LOOP = '\x7f\0\0\x01';
const LOOP6 = `${'\0'.repeat(15)}\x01`;
const MAPPED = `${'\0'.repeat(10)}\xff\xff${LOOP}`;

function connected(
  name: string,
  ip: string,
  port: number,
  type: number,
  destination: Made['destination'],
): void {
  const family = ip.length === 4 ? AF_INET : AF_INET6;
  const fd = call('socket', family, type, 0);
  if (fd < 0) return; // a machine without IPv6
  opened.push(fd);
  const rc = call('connect', fd, sockaddr(ip, port), ip.length === 4 ? 16 : 28);
  const ret = rc < 0 ? -lastErrno() : rc;
  const kind = destination?.ip.length === 16 ? '6' : '4';
  const protocol = (type & 15) === STREAM ? 'tcp' : 'udp';
  const began = ret === 0 || ret === -EINPROGRESS;
  made.push({
    name,
    event: 'connect',
    fd,
    ret,
    to: 0n,
    kind,
    protocol,
    destination: began ? destination : undefined,
  });
}

before(() => {
  if (skip !== false) return;
  object = loadObject({ programs: new Set(['rf_judge_once']), ringBytes: 4096, priorityRingBytes: 4096 });
  policy = new KernelPolicy(object);
  connected('UDP', LOOP, 53, DGRAM, { ip: LOOP, port: 53 });
  connected('UDP, IPv6', LOOP6, 443, DGRAM, { ip: LOOP6, port: 443 });
  connected('UDP, IPv4 in IPv6', MAPPED, 22, DGRAM, { ip: LOOP, port: 22 });
  connected('TCP that is refused', LOOP, 1, STREAM, undefined);
  connected('TCP under way', '\xc0\0\x02\x09', 443, STREAM | NONBLOCK, { ip: '\xc0\0\x02\x09', port: 443 });
  const unix = socket(AF_UNIX, DGRAM);
  const none = { event: 'connect', ret: 0, to: 0n, kind: 'u', protocol: '<NA>', destination: null } as const;
  made.push({ ...none, name: 'unix', fd: unix });
  const address = allocate(28);
  Buffer.from(address.memory).set(sockaddr('\x0a\0\0\x07', 443));
  const message = { event: 'sendto', ret: 1, kind: '4', protocol: 'udp' } as const;
  const to = { ip: '\x0a\0\0\x07', port: 443 };
  made.push(
    { ...message, name: 'message', fd: socket(AF_INET, DGRAM), to: address.address, destination: to },
    { ...message, name: 'unreadable', fd: socket(AF_INET, DGRAM), to: 8n, destination: undefined },
    {
      ...message,
      name: 'stream',
      fd: socket(AF_INET, STREAM),
      to: 0n,
      protocol: 'tcp',
      destination: undefined,
    },
    { ...message, name: 'no peer', fd: socket(AF_INET, DGRAM), to: 0n, destination: undefined },
  );
});
after(() => {
  for (const fd of opened) native().close(fd);
  object?.close();
});

/** What the kernel program says of such a call by this process. */
function judge({ event, fd, ret, to }: Made): boolean {
  writeQuery(query!.context, { op: event === 'connect' ? 'connect' : 'send', event, ret, fd, to });
  return query!.call(object.programFd('rf_judge_once')) !== 0;
}

/** The same by the model. */
function modelled(compiled: Policy, { event, ret, kind, protocol, destination }: Made): boolean {
  const table = compiled.classes.find((c) => c.events.has(event));
  if (table === undefined) return true;
  const known = seen({ kind, protocol }, destination);
  return classify(compiled, table, { event, bits: resultBits(ret), ...known }).emit;
}

test('the kernel judges calls on sockets as the model does', { skip }, () => {
  let generation = 0;
  const counts = { true: 0, false: 0 };
  fc.assert(
    fc.property(fc.array(networkCondition, { minLength: 1, maxLength: 5 }), (conditions) => {
      const events = new Set(['connect', 'sendto']);
      const rules = conditions.map((condition) => ({
        name: 'r',
        condition,
        events,
        enforce: 'none' as const,
        mode: 'monitor' as const,
      }));
      const { policy: compiled } = compilePolicy(rules, ++generation);
      policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
      for (const one of made) {
        const said = judge(one);
        counts[`${said}`]++;
        assert.equal(said, modelled(compiled, one), one.name);
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(counts.true > 100 && counts.false > 100, 'both verdicts occur');
  assert.ok(
    made.some(({ destination }) => destination?.port === 53),
    'a connect has a known destination',
  );
});
