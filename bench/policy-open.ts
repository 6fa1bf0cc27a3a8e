import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { policyRules } from '../src/enforce/clauses/from-rules.ts';
import { KernelPolicy } from '../src/enforce/kernel/kernel-policy.ts';
import { compilePolicy } from '../src/enforce/tables/compile.ts';
import { identifier } from '../src/enforce/tables/identify.ts';
import { LabelMap, policyLabels } from '../src/enforce/tables/labels.ts';
import { runIterator } from '../src/sensors/bpf/bpf.ts';
import { kernelTypeId } from '../src/sensors/bpf/kernel-types.ts';
import { native, progOptions } from '../src/sensors/bpf/libbpf.ts';
import { ATTACH, insn, PROG } from '../src/sensors/bpf/probe-program.ts';
import { EVENT_NAMES } from '../src/sensors/events/events.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { loadObject } from '../src/sensors/loader.ts';
import { runTime, withRunTimes } from './kernel.ts';
import { ELSEWHERE } from './policy-judge.ts';
import { compiledRules } from './policy-rules.ts';
import { median } from './report.ts';

const FILES = 1_000;
const ROUNDS = 41;

/**
 * Of what file: one in a folder that no rule is about, one beside a named file, one of the same name elsewhere, one of
 * the same name in a folder of the same name.
 */
const PLACES = [
  'free/data/public.txt',
  'named/public.txt',
  'free/data/secret.key',
  'free/named/secret.key',
] as const;

/** What the whole check of an open costs that no rule refuses, in ns for each of the places. */
export interface OpenCost {
  readonly name: string;
  readonly ns: readonly number[];
}

/** ns for each file that this process has open. */
function counted(program: number): number {
  const before = runTime(program);
  runIterator(program, process.pid);
  const after = runTime(program);
  return (after.ns - before.ns) / (after.runs - before.runs);
}

/**
 * The check at the security hook for opens as a whole (path, labels, rules), run by an iterator over files that this
 * process has open, less an empty program counted beside it: the hook itself cannot be loaded on every machine.
 */
export async function openCosts(sizes: readonly number[]): Promise<OpenCost[]> {
  const programs = new Set(['rf_open_once', 'rf_judge_seed']);
  const object = loadObject({ programs, ringBytes: 4096, priorityRingBytes: 4096 });
  const check = object.programFd('rf_open_once');
  const empty = emptyIterator();
  const dir = mkdtempSync(join(tmpdir(), 'rf-open-'));
  const places = PLACES.map((name) => join(dir, name));
  for (const path of [...places, join(dir, 'named/secret.key')]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
  }
  object.iterate('rf_judge_seed');
  const kernel = new KernelPolicy(object);
  const labels = new LabelMap(object);
  let generation = 0;
  const measure = (name: string, text: string): OpenCost => {
    const rules = policyRules(compiledRules(text).rules, EVENT_NAMES.names, 'enforce');
    const { policy, errors } = compilePolicy(rules, ++generation);
    if (errors.length > 0) throw new Error(errors[0]?.message);
    const known = policyLabels(policy, identifier());
    labels.put(known, generation);
    kernel.install(policy, (event) => [syscallNumber(event) ?? []].flat());
    labels.prune(known, generation);
    const ns = places.map((path) => {
      const open = Array.from({ length: FILES }, () => openSync(path, 'r'));
      const rounds = Array.from({ length: ROUNDS }, () => counted(check) - counted(empty));
      for (const fd of open) closeSync(fd);
      return median(rounds);
    });
    return { name, ns };
  };
  const list = (n: number, path: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => (i === 0 ? path(0).replace('-0', '') : path(i))).join(', ');
  const rule = (condition: string): string =>
    `- rule: Open\n  desc: d\n  condition: evt.type in (open, openat) and ${condition}\n  output: x\n  priority: INFO\n  enforce: deny\n`;
  const files = (n: number): string => `fd.name in (${list(n, (i) => `${dir}/named-${i}/secret.key`)})`;
  const trees = (n: number): string => `fd.name pmatch (${list(n, (i) => `${dir}/tree-${i}`)})`;
  try {
    return await withRunTimes(async () => [
      measure('no denying rule on opens', ELSEWHERE),
      measure(
        'a rule on writing (these are opened to be read)',
        rule(`evt.is_open_write = true and ${files(1)}`),
      ),
      ...sizes.map((n) => measure(`${n} files denied`, rule(files(n)))),
      ...sizes.map((n) => measure(`${n} trees denied`, rule(trees(n)))),
      measure('the end of a name (`endswith .pem`)', rule('fd.name endswith .pem')),
      measure('a rule on another program', rule('proc.name = nginx and fd.name contains passwd')),
      measure('a pattern that names no file (`contains passwd`)', rule('fd.name contains passwd')),
    ]);
  } finally {
    native().close(empty);
    object.close();
    rmSync(dir, { recursive: true });
  }
}

function emptyIterator(): number {
  const code = Buffer.concat([insn(0xb7, 0, 0, 0, 0), insn(0x95)]); // r0 = 0; exit
  const attach_btf_id = kernelTypeId('task_file', ATTACH.iter);
  const options = progOptions({ expected_attach_type: ATTACH.iter, attach_btf_id });
  const fd = native().progLoad(PROG.tracing, 'rf_empty', 'GPL', code, code.length / 8, options);
  if (fd < 0) throw new Error('cannot load an empty iterator');
  return fd;
}
