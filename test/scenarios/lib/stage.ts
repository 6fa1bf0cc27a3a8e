import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../../../src/engine/core/package.ts';
import {
  type Container,
  type ContainerRuntime,
  containerRuntime,
  containerRuntimeNames,
} from '../../lib/container.ts';
import { Podman } from '../../lib/containers/podman.ts';
import { LiveEngine } from '../../lib/engine.ts';
import { SLOWNESS } from '../../lib/slowness.ts';
import { compileActor } from './actor.ts';
import { Receiver } from './receiver.ts';

/** Containers that acts are done in. */
export type Place = 'container' | 'privileged' | 'pod';

const POD_LABELS = {
  'io.kubernetes.pod.name': 'rf-pod',
  'io.kubernetes.pod.namespace': 'rf-namespace',
  'io.kubernetes.pod.uid': '0-1',
};

/** The environment carries an act's mark; the others are looked at by scenarios of rules that do not print them. */
const EXTRA_FIELDS = 'proc.env evt.hostname proc.exe proc.cwd proc.sid thread.cap_effective evt.rawres'.split(
  ' ',
);

/** Where acts are done, and the engine that watches them. */
export class Stage {
  readonly engine: LiveEngine;
  /** The actor on the host; containers have it as /rf/act. */
  readonly actor: string;
  /** What the engine posts to an address, as a receiver of Falco's gets it. */
  readonly receiver: Receiver;
  /** A shell that ran before the engine. */
  readonly elder: ChildProcessByStdio<Writable, null, null>;
  readonly #containers = new Map<Place, Container>();
  readonly #folder: string;
  #runtime: ContainerRuntime | undefined;
  #service: ChildProcess | undefined;

  private constructor(parts: Pick<Stage, 'engine' | 'actor' | 'receiver' | 'elder'>, folder: string) {
    this.engine = parts.engine;
    this.actor = parts.actor;
    this.receiver = parts.receiver;
    this.elder = parts.elder;
    this.#folder = folder;
  }

  /** Starts everything. `rules` are texts that are loaded after the files of `ruleFolder`. */
  static async open(ruleFolder: string, rules: string): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'rf-stage-'));
    const actor = compileActor(folder);
    const hostRoot = join(folder, 'root');
    mkdirSync(join(hostRoot, 'run/podman'), { recursive: true });
    writeFileSync(join(folder, 'own.yaml'), rules);
    const elder = spawn('sh', [], { stdio: ['pipe', 'ignore', 'inherit'] });
    const receiver = await Receiver.listen();
    const engine = await LiveEngine.start({
      config: {
        builtin_rules: false,
        rules_files: [ruleFolder, join(folder, 'own.yaml')],
        rule_matching: 'all',
        append_output: [{ suggested_output: true }, { extra_fields: EXTRA_FIELDS }],
        containers: { enabled: true, host_root: hostRoot, wait: `${3 * SLOWNESS}s` },
        outputs: { console: {}, http: { url: receiver.url } },
      },
      wrap: withHosts(folder, '127.0.0.77 kubernetes.default.svc.cluster.local'),
    });
    const stage = new Stage({ engine, actor, receiver, elder }, folder);
    try {
      await stage.#startContainers(hostRoot);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  container(place: Place): Container | undefined {
    return this.#containers.get(place);
  }

  /** The runtime has an API that tells of its containers. */
  get metadata(): boolean {
    return this.#service !== undefined;
  }

  async close(): Promise<number | null> {
    for (const container of this.#containers.values()) await container.stop();
    this.#service?.kill('SIGKILL');
    await this.#runtime?.close();
    this.elder.stdin.end();
    const code = await this.engine.stop();
    await this.receiver.close();
    rmSync(this.#folder, { recursive: true, force: true });
    // Made by an act that ends in a folder there.
    rmSync('/dev/shm/rf-dir', { recursive: true, force: true });
    return code;
  }

  async #startContainers(hostRoot: string): Promise<void> {
    this.#runtime = await firstRuntime();
    const runtime = this.#runtime;
    if (runtime === undefined) return;
    if (runtime instanceof Podman) this.#service = await startService(runtime, hostRoot);
    const mounts = ['act', 'sh', 'tar'].map((name) => `${this.actor}:/rf/${name}:ro`);
    for (const [place, options] of [
      ['container', {}],
      ['privileged', { privileged: true }],
      ['pod', { labels: POD_LABELS }],
    ] as const) {
      this.#containers.set(place, await runtime.start({ mounts, name: `rf-${place}`, ...options }));
    }
  }
}

async function firstRuntime(): Promise<ContainerRuntime | undefined> {
  const wanted = process.env.RINGFENCE_CONTAINERS?.split(',');
  for (const name of containerRuntimeNames.filter((it) => wanted?.includes(it) ?? true)) {
    const runtime = containerRuntime(name);
    if ((await runtime.whyNot()) === undefined) return runtime;
    await runtime.close();
  }
  return undefined;
}

/** Serves podman's API below the root that the engine looks for sockets in. */
async function startService(podman: Podman, hostRoot: string): Promise<ChildProcess> {
  const socket = join(hostRoot, 'run/podman/podman.sock');
  const args = [...(await podman.args()), 'system', 'service', '--time', '0', `unix://${socket}`];
  const service = spawn('podman', args, { stdio: 'ignore' });
  for (let waited = 0; !existsSync(socket) && waited < 5000; waited += 20) await sleep(20);
  return service;
}

/** A command line that runs the rest with another /etc/hosts. */
function withHosts(folder: string, line: string): string[] {
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `${readFileSync('/etc/hosts', 'utf8')}\n${line}\n`);
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, hosts];
}

/** Why the stage cannot be set up here; false if it can. */
export function stageSkip(): string | false {
  return spawnSync('cc', ['--version']).status === 0 ? false : 'needs a C compiler';
}

/** Names of the files of a folder below test/scenarios. */
export function scenarioFiles(folder: string): string[] {
  const whole = join(PACKAGE_ROOT, 'test/scenarios', folder);
  return readdirSync(whole)
    .sort()
    .map((name) => join(whole, name));
}
