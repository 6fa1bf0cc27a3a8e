import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { PATHS } from '../../engine/enrich/container-id.cases.ts';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { cgroup2Mount } from '../../sensors/bpf/probe.ts';
import { loadObject } from '../../sensors/loader.ts';
import { TestRun } from '../testing/run.ts';

const root = cgroup2Mount();
const skip = process.getuid?.() !== 0 ? 'needs root' : root === undefined ? 'needs cgroup2' : false;
const folder = `${root}/rf-scope-${process.pid}`;
const run = skip === false ? new TestRun() : undefined;
let object: BpfObject;
const home = `${root}${fs.readFileSync('/proc/self/cgroup', 'latin1').split('0::')[1]?.trim()}`;

before(() => {
  if (skip !== false) return;
  object = loadObject({
    programs: new Set(['rf_container_once']),
    ringBytes: 4096,
    priorityRingBytes: 4096,
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
  const cgroup = `${folder}${path === '/' ? '' : path}`;
  fs.mkdirSync(cgroup, { recursive: true });
  fs.writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid));
  try {
    return run!.call(object.programFd('rf_container_once')) === 1;
  } finally {
    fs.writeFileSync(`${home}/cgroup.procs`, String(process.pid));
  }
}

test('the kernel knows a container by the path of its cgroup as user space does', { skip }, () => {
  for (const [path, id] of PATHS) assert.equal(inContainer(path), id !== undefined, path);
});
