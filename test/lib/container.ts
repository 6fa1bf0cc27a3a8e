/**
 * Containers for tests, on the host and in guests. `podman` gives real ones (cgroup /libpod_parent/libpod-ID and an
 * API to ask); `plain` gives a process that looks like one in Docker to the kernel. Both have an overlay as root, so
 * that a program written by a test is in the upper layer.
 *
 *     const runtime = containerRuntime('podman');
 *     const why = await runtime.whyNot();
 *     test('…', { skip: why ?? false }, async () => {
 *       const container = await runtime.start({ privileged: true });
 *       try { await container.exec(['cat', '/etc/shadow'], { user: 'root', tty: true }); } finally { await container.stop(); }
 *     });
 *     after(() => runtime.close());
 */
import { Plain } from './containers/plain.ts';
import { Podman } from './containers/podman.ts';
import type { ContainerRuntime } from './containers/types.ts';

export type {
  Container,
  ContainerOptions,
  ContainerRuntime,
  ExecOptions,
  ExecResult,
} from './containers/types.ts';

export const containerRuntimeNames = ['podman', 'plain'] as const;

/** A runtime with storage of its own; `close` it when done. */
export function containerRuntime(name: (typeof containerRuntimeNames)[number]): ContainerRuntime {
  return name === 'podman' ? new Podman() : new Plain();
}
