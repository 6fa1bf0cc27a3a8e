import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { PATHS } from '../../engine/enrich/container-id.cases.ts';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { cgroup2Mount } from '../../sensors/bpf/probe.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { loadObject } from '../../sensors/loader.ts';
import { KernelPolicy } from '../kernel/kernel-policy.ts';
import { compilePolicy } from '../tables/compile.ts';
import { QUERY_BYTES, writeQuery } from '../testing/query.ts';
import { TestRun } from '../testing/run.ts';
import type { Condition } from './condition.ts';

const root = cgroup2Mount();
const skip = process.getuid?.() !== 0 ? 'needs root' : root === undefined ? 'needs cgroup2' : false;
const folder = `${root}/rf-scope-${process.pid}`;
const run = skip === false ? new TestRun() : undefined;
let object: BpfObject;
let beside: BpfObject;
const ownCgroup = fs.readFileSync('/proc/self/cgroup', 'latin1').split('0::')[1]?.trim();
const home = `${root}${ownCgroup}`;

before(() => {
  if (skip !== false) return;
  object = load(true);
  beside = load(false);
});
after(() => {
  object?.close();
  beside?.close();
  if (skip === false) remove(folder);
});

/** The programs as on a host without hierarchies of version 1, or with some. */
function load(oneHierarchy: boolean): BpfObject {
  return loadObject({
    programs: new Set(['rf_container_once', 'rf_judge_once']),
    ringBytes: 4096,
    priorityRingBytes: 4096,
    configure: (opened) => opened.setConstant('rf_sure_of_host', oneHierarchy ? 1 : 0),
  });
}

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

/** Puts a rule on connects of containers into force. */
function watchContainers(where: BpfObject): void {
  const condition: Condition = {
    kind: 'check',
    check: { field: 'container.id', op: '!=', values: ['host'], text: '' },
  };
  const { policy } = compilePolicy(
    [{ name: 'r', condition, events: new Set(['connect']), enforce: 'none', mode: 'monitor' }],
    1,
  );
  new KernelPolicy(where).install(policy, (event) => [syscallNumber(event) ?? 0]);
}

/** Whether a connect of this process is sent. */
function sends(where: BpfObject): boolean {
  const query = new TestRun(QUERY_BYTES);
  writeQuery(query.context, { op: 'connect', event: 'connect' });
  return query.call(where.programFd('rf_judge_once')) !== 0;
}

test('what only rules on containers ask for is sent from containers alone', { skip }, () => {
  watchContainers(object);
  for (const [path, id] of PATHS)
    assert.equal(
      within(path, () => sends(object)),
      id !== undefined,
      path,
    );
});

test('beside hierarchies of version 1 only a task that is nowhere else is known to be on the host', {
  skip,
}, () => {
  watchContainers(beside);
  assert.equal(sends(beside), ownCgroup !== '/', ownCgroup);
  for (const [path] of PATHS)
    assert.ok(
      within(path, () => sends(beside)),
      path,
    );
  const [runs, queries] = ['run', 'query'].map((name) =>
    import.meta.url.replace('clauses/scope.test.', `testing/${name}.`),
  );
  const script = `import { TestRun } from '${runs}';
    import { QUERY_BYTES, writeQuery } from '${queries}';
    const query = new TestRun(QUERY_BYTES);
    writeQuery(query.context, { op: 'connect', event: 'connect' });
    console.log(query.call(3) !== 0);`;
  const node = [process.execPath, ...process.execArgv, '--input-type=module', '-e', script];
  const inside = spawnSync('unshare', ['--pid', '--fork', ...node], {
    stdio: ['ignore', 'pipe', 'inherit', beside.programFd('rf_judge_once')],
    encoding: 'utf8',
  });
  assert.equal(inside.stdout, 'true\n');
});
