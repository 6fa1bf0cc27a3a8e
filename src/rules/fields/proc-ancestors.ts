import type { Event } from '../../engine/enrich/event.ts';
import type { Image } from '../../engine/enrich/image.ts';
import type { Process } from '../../engine/enrich/process.ts';
import type { FieldType, Scalar } from '../field-spec.ts';
import { ANY_SOME, type Arg, type Field, field } from './define.ts';
import { variable } from './proc.ts';

const ENV_DEPTH = 20;

/**
 * A property of ancestors: with [N] of the one N steps up (0 is the process itself), without of any of them; printed
 * as the list of all.
 */
function ancestral(
  name: string,
  type: FieldType,
  doc: string,
  of: (event: Event, process: Process, image: Image) => Scalar | undefined,
  print: (event: Event) => string | undefined = (event) => joined(event, of),
): Field {
  const get = (event: Event, arg: Arg): Scalar | Scalar[] | undefined => {
    if (typeof arg !== 'number') return values(event, of);
    const process = event.ancestor(arg);
    return process === undefined ? undefined : of(event, process, event.imageOf(process));
  };
  return field(name, type, `${doc}; [N] that of the ancestor N steps up, 1 is the parent.`, get, {
    ...ANY_SOME,
    arg: 'index',
    dear: true,
    print: (event, arg) => (arg === undefined ? print(event) : get(event, arg)?.toString()),
  });
}

type Property = (event: Event, process: Process, image: Image) => Scalar | undefined;

function values(event: Event, of: Property): Scalar[] {
  const out: Scalar[] = [];
  for (const process of event.ancestors) {
    const value = of(event, process, event.imageOf(process));
    if (value !== undefined) out.push(value);
  }
  return out;
}

function joined(event: Event, of: Property): string {
  return values(event, of).join(' ');
}

function ancestorEnv(event: Event, arg: Arg): string | string[] | undefined {
  const env = (process: Process): readonly string[] | undefined =>
    event.imageOf(process).env(process.pid, process.alive);
  if (arg === undefined) {
    return event.ancestors.flatMap((p) => event.imageOf(p).envText(p.pid, p.alive) ?? []);
  }
  if (typeof arg === 'number') {
    const process = event.ancestor(arg);
    return process === undefined ? undefined : event.imageOf(process).envText(process.pid, process.alive);
  }
  for (const process of event.ancestors.slice(0, ENV_DEPTH)) {
    const value = variable(env(process), arg);
    if (value !== undefined && value !== '') return value;
  }
  return '';
}

export const PROC_ANCESTOR_FIELDS: readonly Field[] = [
  ancestral('proc.aname', 'string', 'Name of any ancestor', (_e, _p, image) => image.comm),
  ancestral('proc.aexe', 'string', 'First argument of any ancestor', (_e, _p, image) => image.exe),
  ancestral('proc.aexepath', 'path', 'Executable of any ancestor', (_e, _p, image) => image.exepath),
  ancestral(
    'proc.acmdline',
    'string',
    'Name and arguments of any ancestor',
    (_e, _p, image) => image.cmdline,
  ),
  ancestral(
    'proc.apid',
    'int',
    'Number of any ancestor',
    (_e, process) => process.pid,
    (event) => String(event.pid),
  ),
  field(
    'proc.aargs',
    'string',
    'Arguments of all ancestors, joined; [N] those of the ancestor N steps up.',
    (event, arg) => {
      if (typeof arg !== 'number') return joined(event, (_e, _p, image) => image.args);
      const process = event.ancestor(arg);
      return process === undefined ? undefined : event.imageOf(process).args;
    },
    { arg: 'index', noRhs: true, noTransformer: true, dear: true },
  ),
  field(
    'proc.aenv',
    'string',
    'Environment of any ancestor; [N] of the one N steps up, [NAME] the first value of a variable among ancestors.',
    ancestorEnv,
    {
      ...ANY_SOME,
      arg: 'either',
      dear: true,
      reads: ['ancestorEnv'],
      print: (event, arg) => {
        const env = ancestorEnv(event, arg);
        return typeof env === 'object' ? env.join(' ') : env;
      },
    },
  ),
];
