import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, PATHS } from './container-id.cases.ts';
import { containerOfCgroupFile, containerOfPath, shortId } from './container-id.ts';

test('a cgroup path names its container in the form of each runtime', () => {
  for (const [path, id, type] of PATHS) {
    const found = containerOfPath(path);
    assert.equal(found?.fullId, id, path);
    if (type !== undefined) assert.equal(found?.type, type, path);
  }
});

test('the cgroup file of version 1 and hybrid hosts names the container in any of its lines', () => {
  const file = `12:cpu,cpuacct:/docker/${A}\n1:name=systemd:/docker/${A}\n0::/system.slice/containerd.service\n`;
  assert.equal(containerOfCgroupFile(file)?.fullId, A);
  assert.equal(containerOfCgroupFile(`0::/system.slice/docker-${A}.scope\n`)?.fullId, A);
  assert.equal(containerOfCgroupFile('12:cpu:/\n0::/init.scope\n'), undefined);
});

test('ids are shortened, names are not', () => {
  assert.equal(shortId(A), 'a1b2c3d4e5f6');
  assert.equal(shortId('a-rather-long-name'), 'a-rather-long-name');
});
