import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { PATHS } from '../../engine/enrich/container-id.cases.ts';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { cgroup2Mount } from '../../sensors/bpf/probe.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { loadObject } from '../../sensors/loader.ts';
import { KernelPolicy } from '../kernel/kernel-policy.ts';
import { compilePolicy } from '../tables/compile.ts';
import { TestRun } from '../testing/run.ts';
import type { Condition } from './condition.ts';
import { operation } from './operations.ts';

const root = cgroup2Mount();
const skip = process.getuid?.() !== 0 ? 'needs root' : root === undefined ? 'needs cgroup2' : false;
const folder = `${root}/rf-scope-${process.pid}`;
const run = skip === false ? new TestRun() : undefined;
let object: BpfObject;
const home = `${root}${fs.readFileSync('/proc/self/cgroup', 'latin1').split('0::')[1]?.trim()}`;

before(() => {
  if (skip !== false) return;
  object = loadObject({
    programs: new Set(['rf_container_once', 'rf_judge_once']),
    ringBytes: 4096,
    priorityRingBytes: 4096,
    configure: (opened) => opened.setConstant('rf_sure_of_host', 1),
  });
});
after(() => {
  object?.close();
  if (skip === false) remove(folder);
});

function remove(path: string): void {
  for (const entry of fs.readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) remove(`${path}/${entry.name}`);
  fs.rmdirSync(path);
}

/** What the kernel says of this process in a cgroup. */
function inContainer(path: string): boolean {
  return within(path, () => run!.call(object.programFd('rf_container_once')) === 1);
}

function within<T>(path: string, ask: () => T): T {
  const cgroup = `${folder}${path === '/' ? '' : path}`;
  fs.mkdirSync(cgroup, { recursive: true });
  fs.writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid));
  try {
    return ask();
  } finally {
    fs.writeFileSync(`${home}/cgroup.procs`, String(process.pid));
  }
}

test('the kernel knows a container by the path of its cgroup as user space does', { skip }, () => {
  for (const [path, id] of PATHS) assert.equal(inContainer(path), id !== undefined, path);
});

test('what only rules on containers ask for is sent from containers alone', { skip }, () => {
  const where: Condition = {
    kind: 'check',
    check: { field: 'container.id', op: '!=', values: ['host'], text: '' },
  };
  const { policy } = compilePolicy(
    [{ name: 'r', condition: where, events: new Set(['connect']), enforce: 'none', mode: 'monitor' }],
    1,
  );
  new KernelPolicy(object).install(policy, { numbers: (event) => [syscallNumber(event) ?? 0], keep: [] });
  const query = new TestRun(64);
  query.context.writeUInt32LE(operation('connect').op, 0);
  query.context.writeUInt32LE(syscallNumber('connect') ?? 0, 4);
  query.context.writeInt32LE(-1, 48);
  for (const [path, id] of PATHS) {
    const sent = within(path, () => query.call(object.programFd('rf_judge_once')) !== 0);
    assert.equal(sent, id !== undefined, path);
  }
});
