import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerOfCgroupFile, containerOfPath, shortId } from './container-id.ts';

const A = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90';
const B = 'ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100';
const POD = 'kubepods-burstable-pod1b6a8f3e_4c5d_4e2f_9a1b_0c2d3e4f5a6b.slice';

const PATHS: [path: string, id: string | undefined, type?: string][] = [
  [`/docker/${A}`, A, 'docker'],
  [`/system.slice/docker-${A}.scope`, A, 'docker'],
  [`/system.slice/docker-${A}.scope/init.scope`, A, 'docker'],
  [`/kubepods.slice/kubepods-burstable.slice/${POD}/cri-containerd-${A}.scope`, A, 'cri'],
  [`/system.slice/containerd.service/kubepods-burstable-pod12.slice:cri-containerd:${A}`, A, 'cri'],
  [`/kubepods.slice/${POD}/crio-${A}.scope`, A, 'cri-o'],
  [`/kubepods.slice/${POD}/crio-${A}`, A, 'cri-o'],
  [`/kubepods/burstable/pod1b6a8f3e-4c5d-4e2f-9a1b-0c2d3e4f5a6b/${A}`, A, 'cri'],
  [`/machine.slice/libpod-${A}.scope`, A, 'podman'],
  [`/machine.slice/libpod-${A}.scope/container`, A, 'podman'],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`, A, 'podman'],
  [`/libpod_parent/libpod-${A}`, A, 'podman'],
  [`/machine.slice/libpod-${A}.scope/libpod-payload-${A}`, A, 'podman'],
  [`/system.slice/nerdctl-${A}.scope`, A, 'containerd'],
  [`/default/${A}`, A, 'containerd'],
  ['/lxc/web', 'web', 'lxc'],
  ['/lxc.payload/web', 'web', 'lxc'],
  ['/lxc.payload.web/init.scope', 'web', 'lxc'],
  ['/lxc.monitor/web', undefined],
  ['/lxc.monitor.web', undefined],
  ['/lxc/monitoring', 'monitoring', 'lxc'],
  ['/machine.slice/systemd-nspawn@web.service/payload', 'web', 'nspawn'],
  ['/machine.slice/machine-web\\x2d1.scope', 'web-1', 'nspawn'],
  ['/machine.slice/machine-lxc\\x2d1234\\x2dweb.scope', 'web', 'libvirt_lxc'],
  [`/docker/${B}/docker/${A}`, A, 'docker'],
  [`/system.slice/docker-${B}.scope/kubepods/pod1/${A}`, A, 'cri'],
  [`/machine.slice/libpod-conmon-${A}.scope`, undefined],
  [`/kubepods.slice/${POD}/crio-conmon-${A}.scope`, undefined],
  ['/', undefined],
  ['/user.slice/user-1000.slice/session-2.scope', undefined],
  ['/system.slice/docker.service', undefined],
  [`/system.slice/docker-${A.slice(1)}.scope`, undefined],
  [`/x/${A}ff`, undefined],
];

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
