import type { PodMetadata } from '../../engine/enrich/container.ts';
import type { Event } from '../../engine/enrich/event.ts';
import { labelField, labelsText, lateText } from './container.ts';
import { type Field, never } from './define.ts';

const pod = (e: Event): PodMetadata | undefined => e.container?.metadata?.pod;

const text = (
  name: string,
  doc: string,
  of: (p: PodMetadata) => string | undefined,
  suggested = false,
): Field =>
  lateText(
    name,
    doc,
    (e) => {
      const p = pod(e);
      return p && of(p);
    },
    suggested,
  );

const GONE = [
  'k8s.ns.id',
  'k8s.ns.labels',
  ...['rc', 'svc', 'rs', 'deployment'].flatMap((kind) =>
    ['name', 'id', 'labels'].map((what) => `k8s.${kind}.${what}`),
  ),
];

export const K8S_FIELDS: readonly Field[] = [
  text('k8s.pod.name', 'Name of the pod.', (p) => p.name, true),
  text('k8s.ns.name', 'Namespace of the pod.', (p) => p.namespace, true),
  text('k8s.pod.uid', 'UID of the pod.', (p) => p.uid),
  text('k8s.pod.id', 'UID of the pod.', (p) => p.uid),
  text('k8s.pod.sandbox_id', 'First 12 digits of the id of the sandbox.', (p) => p.sandboxId?.slice(0, 12)),
  text('k8s.pod.full_sandbox_id', 'Whole id of the sandbox.', (p) => p.sandboxId),
  text('k8s.pod.ip', 'Address of the pod.', (p) => p.ip),
  text('k8s.pod.cni.json', 'What the network plugin said, as JSON.', (p) => p.cniJson),
  labelField('k8s.pod.label', 'A label of the pod.', (e) => pod(e)?.labels),
  text('k8s.pod.labels', 'Labels of the pod, `name:value`, comma-separated; not those of kubelet.', (p) =>
    labelsText(p.labels),
  ),
  ...GONE.map((name) => never(name, 'string', 'Not extracted.', { deprecated: true })),
  ...['ns', 'rc', 'svc', 'rs', 'deployment'].map((kind) =>
    never(`k8s.${kind}.label`, 'string', 'Not extracted.', {
      deprecated: true,
      arg: 'key',
      suffix: { doc: 'the name of a label', accepts: (label) => label !== '' },
    }),
  ),
];
