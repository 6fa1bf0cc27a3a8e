/** What is started: see `container.ts`. */
export interface ContainerOptions {
  /**
   * `busybox`: a root file system of busybox-static alone, made by copying, so that its programs are in the lower
   * layer. `host`: the machine's own /usr, read-only, below an otherwise empty root.
   */
  readonly image?: 'busybox' | 'host';
  /** Name of the image as the runtime reports it; default `localhost/ringfence-busybox:1`. */
  readonly imageName?: string;
  readonly name?: string;
  readonly privileged?: boolean;
  readonly network?: 'none' | 'host';
  readonly labels?: Readonly<Record<string, string>>;
  /** Bind mounts, `/on/host:/in/container[:ro]`. */
  readonly mounts?: readonly string[];
}

export interface ExecOptions {
  /** Name or number, as the container knows it. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Give it a terminal of its own. */
  readonly tty?: boolean;
  readonly timeoutMs?: number;
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A container whose first process only waits; acts are done by `exec`. */
export interface Container {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Process id of its first process, in the initial namespace. */
  readonly pid: number;
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Ends every process in it and removes what was made for it. */
  stop(): Promise<void>;
}

/** A way to make containers; `whyNot` answers why it does not work here, after really trying. */
export interface ContainerRuntime {
  readonly name: 'podman' | 'plain';
  whyNot(): Promise<string | undefined>;
  start(options: ContainerOptions): Promise<Container>;
  /** Removes images and storage. */
  close(): Promise<void>;
}
