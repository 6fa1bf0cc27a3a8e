import type { ContainerInfo, ContainerMetadata, Mount } from '../../engine/enrich/container.ts';
import type { Event } from '../../engine/enrich/event.ts';
import type { FieldType, Value } from '../field-spec.ts';
import { compileGlob } from '../match/glob.ts';
import { type Arg, bool, type Field, field, never, str, whole } from './define.ts';

const LATE = { late: true } as const;

/** A text that comes late; suggested ones are printed with every alert. */
export const lateText = (
  name: string,
  doc: string,
  get: (event: Event) => string | undefined,
  suggested = false,
): Field => str(name, doc, get, suggested ? { ...LATE, suggested } : LATE);

/** Texts of the runtime: "" on the host, missing until they are known. */
const text = (
  name: string,
  doc: string,
  of: (m: ContainerMetadata) => string | undefined,
  suggested = false,
): Field =>
  lateText(
    name,
    doc,
    ({ container }) => {
      if (container?.isHost) return '';
      return container?.metadata && of(container.metadata);
    },
    suggested,
  );

const metadata = (e: Event): ContainerMetadata | undefined => e.container?.metadata;

/** False on the host, missing until the runtime has told. */
const flag = (name: string, doc: string, of: (m: ContainerMetadata) => boolean | undefined): Field =>
  bool(
    name,
    doc,
    ({ container }) => {
      if (container?.isHost) return false;
      return container?.metadata && of(container.metadata);
    },
    LATE,
  );

function name(container: ContainerInfo | undefined): string | undefined {
  if (container === undefined) return undefined;
  return container.isHost ? 'host' : container.metadata?.name;
}

function mountText(m: Mount): string {
  return `${m.source}:${m.destination}:${m.mode}:${m.rw}:${m.propagation}`;
}

const GLOBS = new Map<string, (value: string) => boolean>();

function matches(pattern: string, value: string): boolean {
  let test = GLOBS.get(pattern);
  if (test === undefined) {
    test = compileGlob(pattern);
    GLOBS.set(pattern, test);
  }
  return test(value);
}

/** A mount by its place in the list, or by a glob over its source or destination. */
function findMount(e: Event, arg: Arg, key: 'source' | 'destination'): Mount | undefined {
  const mounts = metadata(e)?.mounts;
  if (mounts === undefined || arg === undefined) return undefined;
  return typeof arg === 'number' ? mounts[arg] : mounts.find((m) => matches(arg, m[key]));
}

function mountField(
  suffix: string,
  type: FieldType,
  doc: string,
  of: (m: Mount) => Value,
  key: 'source' | 'destination' = 'source',
): Field {
  return field(
    `container.mount${suffix}`,
    type,
    `${doc} of a mount, by number or by a glob over its ${key}.`,
    (e, arg) => {
      const mount = findMount(e, arg, key);
      return mount === undefined ? undefined : of(mount);
    },
    { ...LATE, arg: 'either', argRequired: true },
  );
}

/** What kubelet and the runtimes write for themselves. */
const INTERNAL = /^(?:annotation|io\.kubernetes)\./;

/** `name:value` pairs in the order of the names, comma-separated; a label without value is its name. */
export function labelsText(labels: ReadonlyMap<string, string>): string {
  return [...labels.keys()]
    .filter((name) => !INTERNAL.test(name))
    .sort()
    .map((name) => (labels.get(name) === '' ? name : `${name}:${labels.get(name)}`))
    .join(', ');
}

/** A field for one label, by suffix or in brackets. */
export function labelField(
  prefix: string,
  doc: string,
  of: (e: Event) => ReadonlyMap<string, string> | undefined,
): Field {
  return str(prefix, doc, (e, arg) => of(e)?.get(String(arg)), {
    ...LATE,
    arg: 'key',
    argRequired: true,
    suffix: { doc: 'the name of a label', accepts: (label) => label !== '' },
  });
}

function startedAt(e: Event): bigint | undefined {
  const started = e.container === undefined || e.container.isHost ? undefined : e.process.pidnsStart;
  return started === undefined ? undefined : e.services.clock.toEpoch(started);
}

export const CONTAINER_FIELDS: readonly Field[] = [
  str('container.id', 'First 12 digits of the id of the container; `host` outside.', (e) => e.container?.id, {
    suggested: true,
  }),
  str('container.full_id', 'Whole id of the container; `host` outside.', (e) => e.container?.fullId),
  str('container.name', 'Name of the container; `host` outside.', (e) => name(e.container), {
    ...LATE,
    suggested: true,
  }),
  text('container.image', 'Name of the image, with its tag.', (m) => m.image),
  text('container.image.id', 'Id of the image.', (m) => m.imageId),
  text('container.image.repository', 'Image without tag and digest.', (m) => m.repository, true),
  text('container.image.tag', 'Tag of the image.', (m) => m.tag, true),
  text('container.image.digest', 'Digest of the image.', (m) => m.digest),
  str('container.type', 'docker, podman, cri, containerd, cri-o, lxc ...; `host` outside.', (e) =>
    e.container === undefined ? undefined : (e.container.metadata?.type ?? e.container.type),
  ),
  flag('container.privileged', 'The container runs privileged.', (m) => m.privileged),
  text('container.mounts', 'All mounts, `source:dest:mode:rw:propagation`, comma-separated.', (m) =>
    m.mounts.map(mountText).join(','),
  ),
  mountField('', 'string', 'All parts', mountText),
  mountField('.source', 'string', 'Source', (m) => m.source, 'destination'),
  mountField('.dest', 'string', 'Destination', (m) => m.destination),
  mountField('.mode', 'string', 'Mode', (m) => m.mode),
  mountField('.rdwr', 'string', 'Whether writable (`true`, `false`)', (m) => String(m.rw)),
  mountField('.propagation', 'string', 'Propagation', (m) => m.propagation),
  field('container.start_ts', 'time', 'Start of the container, in nanoseconds since the epoch.', startedAt),
  field('container.duration', 'reltime', 'Time since the start of the container.', (e) => {
    const started = startedAt(e);
    return started === undefined ? undefined : whole(e.epochNs - started);
  }),
  text('container.ip', 'Address of the container.', (m) => m.ip),
  text('container.cni.json', 'What the network plugin said, as JSON.', (m) => m.cniJson),
  flag('container.host_pid', 'The container shares the pid namespace of the host.', (m) => m.hostPid),
  flag('container.host_network', 'The container shares the network of the host.', (m) => m.hostNetwork),
  flag('container.host_ipc', 'The container shares the IPC namespace of the host.', (m) => m.hostIpc),
  labelField('container.label', 'A label of the container.', (e) => metadata(e)?.labels),
  text(
    'container.labels',
    'Labels of the container, `name:value`, comma-separated; not those of kubelet.',
    (m) => labelsText(m.labels),
  ),
  ...['healthcheck', 'liveness_probe', 'readiness_probe'].map((probe) =>
    never(`container.${probe}`, 'string', 'Not extracted.', { deprecated: true }),
  ),
];
