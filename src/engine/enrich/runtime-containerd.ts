import type { ContainerMetadata } from './container.ts';
import type { ContainerType } from './container-id.ts';
import type { ContainerRuntime } from './containers.ts';
import { GRPC_NOT_FOUND, GrpcClient, GrpcError } from './grpc.ts';
import { parseImageName } from './image-name.ts';
import { bytesField, decodeMessage, type Message, stringMap, subMessage, text } from './protobuf.ts';

const GET = '/containerd.services.containers.v1.Containers/Get';
/** Where nerdctl, ctr and Docker keep their containers. */
const NAMESPACES = ['default', 'moby', 'k8s.io'];

/** containerd's own API, for containers that were not started through Kubernetes. */
export class ContainerdRuntime implements ContainerRuntime {
  readonly name = 'containerd';
  readonly types: readonly ContainerType[] = ['containerd'];
  readonly #grpc: GrpcClient;

  constructor(socket: string) {
    this.#grpc = new GrpcClient(socket);
  }

  get available(): boolean {
    return this.#grpc.available;
  }

  async inspect(fullId: string, signal: AbortSignal): Promise<ContainerMetadata | undefined> {
    for (const namespace of NAMESPACES) {
      const found = await this.#get(fullId, namespace, signal);
      if (found !== undefined) return metadataOf(fullId, found);
    }
    return undefined;
  }

  close(): void {
    this.#grpc.close();
  }

  async #get(id: string, namespace: string, signal: AbortSignal): Promise<Message | undefined> {
    try {
      const answer = await this.#grpc.call(GET, bytesField(1, id), signal, {
        'containerd-namespace': namespace,
      });
      return subMessage(decodeMessage(answer), 1);
    } catch (error) {
      if (error instanceof GrpcError && error.status === GRPC_NOT_FOUND) return undefined;
      throw error;
    }
  }
}

function metadataOf(fullId: string, container: Message): ContainerMetadata {
  const labels = stringMap(container, 2);
  const image = text(container, 3);
  const { repository, tag, digest } = parseImageName(image);
  return {
    type: 'containerd',
    fullId,
    name: labels.get('nerdctl/name') ?? text(container, 1),
    image,
    imageId: '',
    repository,
    tag,
    digest,
    privileged: undefined,
    mounts: [],
    labels,
    ip: undefined,
    cniJson: undefined,
    hostPid: undefined,
    hostNetwork: undefined,
    hostIpc: undefined,
    pod: undefined,
  };
}
