import { CGROUP_SCOPE, type Check } from './condition.ts';
import { decideFile, namedFields } from './decide-file.ts';
import { decideNetwork } from './decide-network.ts';
import {
  always,
  bitDecision,
  bits,
  numberDecision,
  type Purpose,
  resultDecision,
  stringDecision,
  unknown,
} from './decision.ts';
import { detectSocket } from './detect-socket.ts';
import type { OperationName } from './operations.ts';
import { type Intervals, U32_MAX } from './sets.ts';
import { BIT, type Decision, type Pattern } from './term.ts';

/** What the kernel can say of one check for one kind of operation. */
export function decide(check: Check, operation: OperationName, purpose: Purpose): Decision {
  if (check.opaque !== undefined) return unknown(check.opaque);
  switch (check.field) {
    case 'evt.type':
    case 'syscall.type': {
      if (!['=', '==', 'in', '!='].includes(check.op)) return unknown(`\`${check.op}\` on the event's name`);
      const names = new Set(check.values.map(String));
      return {
        kind: 'terms',
        anyOf: [{ on: 'event', names }],
        strength: 'exact',
        negated: check.op === '!=',
      };
    }
    case 'evt.num':
      // The idiom for "never": the first event is number 1.
      return check.op === '=' && check.values.length === 1 && Number(check.values[0]) === 0
        ? always(false, 'events are counted from 1')
        : unknown('events are counted in user space');
    case 'proc.name':
      return check.op === 'exists' ? unknown('existence of a process') : stringDecision('comm', check);
    case 'proc.exepath':
      return check.op === 'exists' ? unknown('existence of a process') : stringDecision('exe', check);
    case 'proc.pname':
      // User space knows the parent as its process table does; the kernel as it is at this instant.
      if (purpose === 'detect') return unknown('the parent is looked up in the process table');
      return check.arg === undefined ? stringDecision('pcomm', check) : unknown('an ancestor');
    case 'user.uid':
      return numberDecision('uid', check);
    case 'user.loginuid':
      return numberDecision('loginuid', {
        ...check,
        values: check.values.map((v) => (Number(v) === -1 ? U32_MAX : v)),
      });
    case 'evt.rawres':
      return resultDecision(check, purpose);
    case 'evt.failed':
    case 'evt.res':
      return textualResult(check, operation, purpose);
    case 'container.id':
      return container(check, purpose);
    case CGROUP_SCOPE:
      return {
        kind: 'terms',
        anyOf: [{ on: 'string', dim: 'cgroup', patterns: check.values.flatMap((v) => below(String(v))) }],
        strength: 'exact',
      };
    case 'evt.arg':
      if (purpose === 'deny' && operation === 'setuid' && check.arg === 'uid') return becomes(check);
      break;
    case 'evt.rawarg.uid':
      if (purpose === 'deny' && operation === 'setuid') return numberDecision('id', check);
      break;
  }
  return (
    decideFile(check, operation, purpose) ??
    decideNetwork(check, operation, purpose) ??
    (operation === 'socket' && purpose === 'detect' ? detectSocket(check) : undefined) ??
    unknown(`the kernel has no ${check.field} for this operation`, denyFields(operation))
  );
}

/** Inside a container or not is what the kernel knows; which one it is, and what it is made of, is not. */
function container(check: Check, purpose: Purpose): Decision {
  if (!['=', '==', 'in', '!='].includes(check.op) || check.values.some((v) => v !== 'host'))
    return unknown('the kernel does not tell containers apart', 'container.id = host, container.id != host');
  const set: Intervals = check.op === '!=' ? [[1, 1]] : [[0, 0]];
  // For detection it is absent where user space may know of a container by other ways. And who has been in a container
  // stays in it here: that a task is on the host is known only there.
  const detect = purpose === 'detect';
  if (detect && check.op !== '!=') return unknown('who has left a container is told apart in user space');
  return {
    kind: 'terms',
    anyOf: [{ on: 'number', dim: 'scope', set: { set, absent: detect } }],
    strength: detect ? 'necessary' : 'exact',
  };
}

/** A cgroup and what is below it. */
function below(path: string): Pattern[] {
  const whole = path.replace(/\/+$/, '');
  return [
    { at: 'exact', text: whole === '' ? '/' : whole },
    { at: 'prefix', text: `${whole}/` },
  ];
}

/** Whom the call makes of the process, by name: of the one user whose name is the same everywhere. */
function becomes(check: Check): Decision {
  return check.values.every((v) => v === 'root')
    ? numberDecision('id', { ...check, values: check.values.map(() => 0) })
    : unknown('users are known by number', 'evt.rawarg.uid, evt.arg.uid = root');
}

function textualResult(check: Check, operation: OperationName, purpose: Purpose): Decision {
  const texts = check.values.map(String);
  if (check.field === 'evt.failed') {
    const want = texts[0] === 'true';
    if (purpose === 'deny') return always(!want, 'taken as a call that would succeed');
    return bitDecision(bits((s) => ((s & BIT.ok) === 0) === want));
  }
  const success = (op: string): boolean | undefined => {
    if (op === '=' || op === '==' || op === 'in') return texts.includes('SUCCESS');
    if (op === '!=') return texts[0] !== 'SUCCESS';
    if (op === 'startswith') return 'SUCCESS'.startsWith(texts[0] ?? '');
    return undefined;
  };
  const ok = success(check.op);
  if (ok === undefined) return unknown(`\`${check.op}\` on the result's name`);
  if (purpose === 'deny') return always(ok, 'taken as a call that would succeed');
  const onlySuccess = ['=', '==', 'in'].includes(check.op) && texts.every((t) => t === 'SUCCESS');
  const onlyBegun = ['=', '==', 'in'].includes(check.op) && texts.every((t) => t === 'EINPROGRESS');
  // An open has another meaning for this bit.
  if (onlyBegun && operation !== 'open')
    return bitDecision(bits((s) => (s & BIT.ok) === 0 && (s & BIT.extra) !== 0));
  const isFailure = check.op === 'startswith' && texts[0] === 'E';
  if (onlySuccess) return bitDecision(bits((s) => (s & BIT.ok) !== 0));
  return bitDecision(
    bits((s) => (s & BIT.ok) === 0 || ok),
    isFailure ? 'exact' : 'necessary',
  );
}

function denyFields(operation: OperationName): string {
  const process = 'proc.name, proc.exepath, proc.pname, user.uid, user.loginuid';
  if (operation === 'open') return `fd.name, fd.directory, fd.filename, evt.is_open_read/write, ${process}`;
  if (['connect', 'send', 'bind'].includes(operation))
    return `fd.sip, fd.snet, fd.sport, fd.l4proto, ${process}`;
  const own = operation === 'setuid' ? ['evt.rawarg.uid'] : namedFields(operation);
  return [...own, process].join(', ');
}
