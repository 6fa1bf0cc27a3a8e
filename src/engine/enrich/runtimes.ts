import type { ContainerRuntime } from './containers.ts';
import { ContainerdRuntime } from './runtime-containerd.ts';
import { CriRuntime } from './runtime-cri.ts';
import { DockerRuntime } from './runtime-docker.ts';

/**
 * The container runtimes that this host may have, at their usual sockets below `root`. One that is started later is
 * found when the first of its containers is.
 */
export function knownRuntimes(root = ''): readonly ContainerRuntime[] {
  const containerd = ['/run/containerd', '/run/k3s/containerd', '/run/host-containerd'].map(
    (folder) => `${root}${folder}/containerd.sock`,
  );
  return [
    new DockerRuntime(`${root}/run/docker.sock`, 'docker'),
    new DockerRuntime(`${root}/run/podman/podman.sock`, 'podman'),
    ...containerd.flatMap((socket) => [new CriRuntime(socket, 'containerd'), new ContainerdRuntime(socket)]),
    new CriRuntime(`${root}/run/crio/crio.sock`, 'cri-o'),
  ];
}
