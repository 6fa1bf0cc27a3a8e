import type { ContainerMetadata, Mount, PodMetadata } from './container.ts';
import type { ContainerType } from './container-id.ts';
import type { ContainerRuntime } from './containers.ts';
import { GRPC_NOT_FOUND, GrpcClient, GrpcError } from './grpc.ts';
import { bytes, parseImageName } from './image-name.ts';
import {
  bytesField,
  decodeMessage,
  type Message,
  number,
  numberField,
  stringMap,
  subMessage,
  subMessages,
  text,
} from './protobuf.ts';
import { podOf } from './runtime-docker.ts';

const SERVICE = '/runtime.v1.RuntimeService';
const PROPAGATION = ['private', 'rslave', 'rshared'];
/** What containerd and CRI-O call the image, in the order in which they are asked. */
const NAMED_BY = [
  'io.kubernetes.cri.image-name',
  'io.kubernetes.cri-o.Image',
  'io.kubernetes.cri-o.ImageName',
];
/** NamespaceMode.NODE: the namespace is the host's. */
const NODE = 2;

/** A runtime with the Container Runtime Interface of Kubernetes: containerd, CRI-O. */
export class CriRuntime implements ContainerRuntime {
  readonly name: string;
  readonly types: readonly ContainerType[];
  readonly #grpc: GrpcClient;
  readonly #type: ContainerType;

  constructor(socket: string, type: 'containerd' | 'cri-o') {
    this.name = type;
    this.types = type === 'cri-o' ? ['cri-o', 'cri'] : ['cri', 'containerd'];
    this.#grpc = new GrpcClient(socket);
    this.#type = type;
  }

  get available(): boolean {
    return this.#grpc.available;
  }

  async inspect(fullId: string, signal: AbortSignal): Promise<ContainerMetadata | undefined> {
    const answer = await this.#ask('ContainerStatus', fullId, signal);
    if (answer === undefined) return this.#sandboxItself(fullId, signal);
    const status = subMessage(answer, 1);
    const info = infoOf(answer);
    const sandboxId = typeof info.sandboxID === 'string' ? info.sandboxID : undefined;
    const sandbox =
      sandboxId === undefined ? undefined : await this.#ask('PodSandboxStatus', sandboxId, signal);
    return containerMetadata(this.#type, fullId, status, info, sandbox);
  }

  close(): void {
    this.#grpc.close();
  }

  async #sandboxItself(fullId: string, signal: AbortSignal): Promise<ContainerMetadata | undefined> {
    const answer = await this.#ask('PodSandboxStatus', fullId, signal);
    return answer === undefined ? undefined : sandboxMetadata(this.#type, fullId, answer);
  }

  async #ask(method: string, id: string, signal: AbortSignal): Promise<Message | undefined> {
    try {
      const request = Buffer.concat([bytesField(1, id), numberField(2, 1)]);
      return decodeMessage(await this.#grpc.call(`${SERVICE}/${method}`, request, signal));
    } catch (error) {
      if (error instanceof GrpcError && error.status === GRPC_NOT_FOUND) return undefined;
      throw error;
    }
  }
}

/** What a runtime adds when it is asked to be verbose; containerd and CRI-O differ in it. */
interface Info {
  readonly sandboxID?: unknown;
  readonly privileged?: unknown;
  readonly config?: {
    readonly image?: { readonly image?: unknown } | null;
    readonly linux?: { readonly security_context?: { readonly privileged?: unknown } | null } | null;
  } | null;
  readonly runtimeSpec?: { readonly annotations?: Readonly<Record<string, unknown>> | null } | null;
  readonly cniResult?: unknown;
}

function infoOf(answer: Message): Info {
  const json = stringMap(answer, 2).get('info');
  if (json === undefined) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(json, 'latin1').toString('utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** containerd leaves the member out when it is false. */
function privilegedOf(info: Info): boolean {
  return (info.config?.linux?.security_context?.privileged ?? info.privileged) === true;
}

/** Id of the image on this host: containerd starts containers by it, others tell it apart. */
function imageIdOf(status: Message, info: Info): string {
  const started = info.config?.image?.image;
  const [, id] = (typeof started === 'string' && /^sha256:(.+)$/.exec(started)) || [];
  return id === undefined ? text(status, 17).replace(/^sha256:/, '') : bytes(id);
}

type Named = Pick<ContainerMetadata, 'image' | 'repository' | 'tag' | 'digest'>;

/**
 * What the image is called: the reference with its digest tells the repository, what the container was made from the tag.
 * Where neither is more than an id, the runtime's annotations tell.
 */
function nameOf(image: string, ref: string, info: Info): Named {
  const given = parseImageName(image);
  const { repository, digest } = parseImageName(ref);
  if (repository !== '' && digest !== '') {
    const name = given.tag === '' ? repository : `${repository}:${given.tag}`;
    return { image: name, repository, tag: given.tag, digest };
  }
  const annotations = info.runtimeSpec?.annotations;
  const annotated = NAMED_BY.map((key) => annotations?.[key]).find((name) => typeof name === 'string');
  const name = given.repository === '' && annotated !== undefined ? bytes(annotated) : image;
  const own = parseImageName(name);
  return {
    image: name,
    repository: own.repository,
    tag: own.tag,
    digest: digest || (own.repository === '' ? '' : own.digest),
  };
}

function containerMetadata(
  type: ContainerType,
  fullId: string,
  status: Message,
  info: Info,
  sandbox: Message | undefined,
): ContainerMetadata {
  const labels = stringMap(status, 12);
  const pod = podMetadata(
    labels,
    sandbox,
    typeof info.sandboxID === 'string' ? bytes(info.sandboxID) : undefined,
  );
  return {
    type,
    fullId,
    name: text(subMessage(status, 2), 1),
    ...nameOf(text(subMessage(status, 8), 1), text(status, 9), info),
    imageId: imageIdOf(status, info),
    privileged: privilegedOf(info),
    mounts: subMessages(status, 14).map(mountOf),
    labels,
    ip: pod?.ip,
    cniJson: pod?.cniJson,
    ...namespacesOf(sandbox),
    pod,
  };
}

function mountOf(mount: Message): Mount {
  return {
    source: text(mount, 2),
    destination: text(mount, 1),
    mode: '',
    rw: number(mount, 3) === 0,
    propagation: PROPAGATION[number(mount, 5)] ?? '',
  };
}

function namespacesOf(
  sandbox: Message | undefined,
): Pick<ContainerMetadata, 'hostPid' | 'hostNetwork' | 'hostIpc'> {
  if (sandbox === undefined) return { hostPid: undefined, hostNetwork: undefined, hostIpc: undefined };
  const options = subMessage(subMessage(subMessage(subMessage(sandbox, 1), 6), 1), 2);
  return {
    hostNetwork: number(options, 1) === NODE,
    hostPid: number(options, 2) === NODE,
    hostIpc: number(options, 3) === NODE,
  };
}

function podMetadata(
  labels: ReadonlyMap<string, string>,
  sandbox: Message | undefined,
  sandboxId: string | undefined,
): PodMetadata | undefined {
  if (sandbox === undefined) {
    const pod = podOf(labels);
    return pod === undefined || sandboxId === undefined ? pod : { ...pod, sandboxId };
  }
  const status = subMessage(sandbox, 1);
  const metadata = subMessage(status, 2);
  const cni = infoOf(sandbox).cniResult;
  return {
    name: text(metadata, 1),
    uid: text(metadata, 2),
    namespace: text(metadata, 3),
    sandboxId: text(status, 1),
    ip: text(subMessage(status, 5), 1) || undefined,
    cniJson: cni === undefined ? undefined : bytes(JSON.stringify(cni)),
    labels: stringMap(status, 7),
  };
}

/** The container that holds a pod's namespaces: it has no image of the user's. */
function sandboxMetadata(type: ContainerType, fullId: string, answer: Message): ContainerMetadata {
  const status = subMessage(answer, 1);
  const pod = podMetadata(new Map(), answer, fullId);
  return {
    type,
    fullId,
    name: text(subMessage(status, 2), 1),
    image: '',
    imageId: '',
    repository: '',
    tag: '',
    digest: '',
    privileged: undefined,
    mounts: [],
    labels: stringMap(status, 7),
    ip: pod?.ip,
    cniJson: pod?.cniJson,
    ...namespacesOf(answer),
    pod,
  };
}
