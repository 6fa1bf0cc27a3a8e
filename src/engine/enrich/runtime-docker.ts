import { existsSync } from 'node:fs';
import { request } from 'node:http';
import type { ContainerMetadata, Mount, PodMetadata } from './container.ts';
import type { ContainerType } from './container-id.ts';
import type { ContainerRuntime } from './containers.ts';
import { bytes, nameInStore } from './image-name.ts';

const ANSWER_MAX = 8 * 1024 * 1024;
const LABELS_MAX = 1_000;

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A runtime with Docker's API on a unix socket: Docker itself, or Podman's service. */
export class DockerRuntime implements ContainerRuntime {
  readonly name: string;
  readonly types: readonly ContainerType[];
  readonly #socket: string;
  readonly #type: ContainerType;

  constructor(socket: string, type: 'docker' | 'podman') {
    this.name = type;
    // Docker's containers can stand under a parent of the user's, or of Kubernetes, whose path does not tell.
    this.types = type === 'docker' ? ['docker', 'cri', 'containerd'] : [type];
    this.#socket = socket;
    this.#type = type;
  }

  get available(): boolean {
    return existsSync(this.#socket);
  }

  async inspect(fullId: string, signal: AbortSignal): Promise<ContainerMetadata | undefined> {
    const container = await this.#get(`/containers/${fullId}/json`, signal);
    if (container === undefined) return undefined;
    const imageId = textOf(container, 'Image');
    const image =
      imageId === '' ? undefined : await this.#get(`/images/${encodeURIComponent(imageId)}/json`, signal);
    return metadataOf(this.#type, fullId, container, image);
  }

  close(): void {
    // Every question has a connection of its own: nothing stays open.
  }

  #get(path: string, signal: AbortSignal): Promise<Json | undefined> {
    return new Promise((resolve, reject) => {
      const req = request(
        { socketPath: this.#socket, path, signal, headers: { host: 'localhost' } },
        (res) => {
          const chunks: Buffer[] = [];
          let size = 0;
          res.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > ANSWER_MAX) req.destroy(new Error('the answer is too long'));
            else chunks.push(chunk);
          });
          res.on('error', reject);
          res.on('end', () => {
            if (res.statusCode !== 200) return resolve(undefined);
            try {
              resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json);
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      req.on('error', reject);
      req.end();
    });
  }
}

function at(json: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as { readonly [key: string]: Json })[key];
  }
  return value;
}

function textOf(json: Json | undefined, ...path: readonly string[]): string {
  const value = at(json, ...path);
  return typeof value === 'string' ? bytes(value) : '';
}

function listOf(json: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const value = at(json, ...path);
  return Array.isArray(value) ? value : [];
}

function textsOf(json: Json | undefined, ...path: readonly string[]): string[] {
  return listOf(json, ...path)
    .filter((text) => typeof text === 'string')
    .map(bytes);
}

function labelsOf(json: Json | undefined, ...path: readonly string[]): Map<string, string> {
  const value = at(json, ...path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map();
  return new Map(
    Object.entries(value)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .slice(0, LABELS_MAX)
      .map(([key, text]) => [bytes(key), bytes(text)]),
  );
}

function metadataOf(
  type: ContainerType,
  fullId: string,
  container: Json,
  image: Json | undefined,
): ContainerMetadata {
  const labels = labelsOf(container, 'Config', 'Labels');
  const given = textOf(container, 'Config', 'Image');
  return {
    type,
    fullId,
    name: textOf(container, 'Name').replace(/^\//, ''),
    image: given,
    imageId: textOf(container, 'Image').replace(/^sha256:/, ''),
    ...nameInStore(given, [...textsOf(image, 'RepoDigests'), ...textsOf(image, 'RepoTags')]),
    privileged: at(container, 'HostConfig', 'Privileged') === true,
    mounts: listOf(container, 'Mounts').map(mountOf),
    labels,
    ip: addressOf(container),
    cniJson: undefined,
    hostPid: textOf(container, 'HostConfig', 'PidMode') === 'host',
    hostNetwork: textOf(container, 'HostConfig', 'NetworkMode') === 'host',
    hostIpc: textOf(container, 'HostConfig', 'IpcMode') === 'host',
    pod: podOf(labels),
  };
}

function mountOf(mount: Json): Mount {
  return {
    source: textOf(mount, 'Source'),
    destination: textOf(mount, 'Destination'),
    mode: textOf(mount, 'Mode'),
    rw: at(mount, 'RW') === true,
    propagation: textOf(mount, 'Propagation'),
  };
}

function addressOf(container: Json): string | undefined {
  const direct = textOf(container, 'NetworkSettings', 'IPAddress');
  if (direct !== '') return direct;
  const networks = at(container, 'NetworkSettings', 'Networks');
  if (typeof networks !== 'object' || networks === null || Array.isArray(networks)) return undefined;
  const found = Object.values(networks)
    .map((network) => textOf(network, 'IPAddress'))
    .find((ip) => ip !== '');
  return found;
}

/** What kubelet writes into the labels of the containers that it starts. */
export function podOf(labels: ReadonlyMap<string, string>): PodMetadata | undefined {
  const name = labels.get('io.kubernetes.pod.name');
  if (name === undefined) return undefined;
  return {
    name,
    namespace: labels.get('io.kubernetes.pod.namespace'),
    uid: labels.get('io.kubernetes.pod.uid'),
    sandboxId: labels.get('io.kubernetes.sandbox.id'),
    ip: undefined,
    cniJson: undefined,
    labels: new Map(),
  };
}
