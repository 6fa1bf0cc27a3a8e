import type { ContainerType } from './container-id.ts';

export interface Mount {
  readonly source: string;
  readonly destination: string;
  readonly mode: string;
  readonly rw: boolean;
  readonly propagation: string;
}

/** What a runtime tells of a container. All texts are byte strings. */
export interface ContainerMetadata {
  readonly type: ContainerType;
  readonly fullId: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly privileged: boolean | undefined;
  readonly mounts: readonly Mount[];
  readonly labels: ReadonlyMap<string, string>;
  readonly ip: string | undefined;
  readonly cniJson: string | undefined;
  readonly hostPid: boolean | undefined;
  readonly hostNetwork: boolean | undefined;
  readonly hostIpc: boolean | undefined;
  /** Kubernetes, from labels and the sandbox; undefined outside a pod. */
  readonly pod: PodMetadata | undefined;
}

export interface PodMetadata {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly sandboxId: string | undefined;
  readonly ip: string | undefined;
  readonly cniJson: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
}

export type MetadataState = 'pending' | 'known' | 'unknown';

/** One container, shared by all of its processes; the metadata comes when the runtime answers. */
export class ContainerInfo {
  readonly id: string;
  readonly fullId: string;
  readonly type: ContainerType | 'host';
  metadata: ContainerMetadata | undefined;
  state: MetadataState;
  /** When the runtimes were last asked. */
  askedAt = 0;

  constructor(id: string, fullId: string, type: ContainerType | 'host', state: MetadataState) {
    this.id = id;
    this.fullId = fullId;
    this.type = type;
    this.state = state;
    this.metadata = undefined;
  }

  get isHost(): boolean {
    return this.type === 'host';
  }
}

/** Everything that is not in a container. */
export const HOST = new ContainerInfo('host', 'host', 'host', 'known');
