import { existsSync } from 'node:fs';
import type { ContainerRuntime } from './containers.ts';
import { ContainerdRuntime } from './runtime-containerd.ts';
import { CriRuntime } from './runtime-cri.ts';
import { DockerRuntime } from './runtime-docker.ts';

type Runtimes = (socket: string) => readonly ContainerRuntime[];

const containerd: Runtimes = (socket) => [
  new CriRuntime(socket, 'containerd'),
  new ContainerdRuntime(socket),
];

/** The usual sockets, and the runtimes that answer there. */
const SOCKETS: readonly (readonly [socket: string, runtimes: Runtimes])[] = [
  ['/run/docker.sock', (socket) => [new DockerRuntime(socket, 'docker')]],
  ['/run/podman/podman.sock', (socket) => [new DockerRuntime(socket, 'podman')]],
  ['/run/containerd/containerd.sock', containerd],
  ['/run/k3s/containerd/containerd.sock', containerd],
  ['/run/host-containerd/containerd.sock', containerd],
  ['/run/crio/crio.sock', (socket) => [new CriRuntime(socket, 'cri-o')]],
];

/**
 * The container runtimes that this host may have, at their usual sockets below `root`. One that is started later is
 * found when the first of its containers is.
 */
export function knownRuntimes(root = ''): readonly ContainerRuntime[] {
  return SOCKETS.flatMap(([socket, runtimes]) => runtimes(`${root}${socket}`));
}

/** Those of the sockets that are there. */
export function runtimeSockets(root = ''): string[] {
  return SOCKETS.map(([socket]) => `${root}${socket}`).filter((path) => existsSync(path));
}
