// What the published schemas say about the parts that we send, written anew: names, types and what is required.
// Objects are closed, so a member that the published schema does not know fails a test.

type Schema = Readonly<Record<string, unknown>>;

const text = { type: 'string', minLength: 1 } as const;
const int = { type: 'integer' } as const;

function object(required: readonly string[], properties: Readonly<Record<string, unknown>>): Schema {
  return { type: 'object', additionalProperties: false, required, properties };
}
const list = (items: unknown): Schema => ({ type: 'array', minItems: 1, items });

const uuid = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' } as const;
const rfc3339 = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?Z$',
} as const;

/** What falcosidekick asks of a payload: these members, and fields that are not empty. */
export const FALCO_SCHEMA = object(
  ['uuid', 'output', 'priority', 'rule', 'time', 'source', 'tags', 'hostname', 'output_fields'],
  {
    uuid,
    output: text,
    priority: {
      enum: ['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Informational', 'Debug'],
    },
    rule: text,
    time: rfc3339,
    source: text,
    tags: { type: 'array', items: text },
    hostname: text,
    output_fields: { type: 'object', minProperties: 1 },
    ringfence: { type: 'object', required: ['boot_id', 'guarantee', 'policy_generation', 'tier'] },
  },
);

const user = object([], { name: text, uid: text });
const file = object(['name', 'type_id'], { name: text, path: text, type_id: { enum: [0, 1] } });
const process = {
  ...object(['pid'], {
    pid: int,
    name: text,
    cmd_line: text,
    file,
    user,
    parent_process: object(['pid'], { pid: int, name: text, cmd_line: text, file }),
  }),
};
const endpoint = object(['ip'], { ip: text, port: { type: 'integer', minimum: 0, maximum: 65_535 } });

/** OCSF 1.5 Detection Finding with the profiles host and security_control. */
export const OCSF_SCHEMA = object(
  [
    ...['activity_id', 'category_uid', 'class_uid', 'type_uid', 'time', 'severity_id', 'metadata'],
    ...['finding_info', 'device', 'action_id', 'disposition_id'],
  ],
  {
    activity_id: { const: 1 },
    activity_name: { const: 'Create' },
    category_uid: { const: 2 },
    category_name: { const: 'Findings' },
    class_uid: { const: 2004 },
    class_name: { const: 'Detection Finding' },
    type_uid: { const: 200401 },
    time: int,
    severity_id: { enum: [1, 2, 3, 4, 5, 6] },
    severity: { enum: ['Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal'] },
    status_id: { const: 1 },
    status: { const: 'New' },
    message: text,
    is_alert: { type: 'boolean' },
    action_id: { enum: [1, 2] },
    action: { enum: ['Allowed', 'Denied'] },
    disposition_id: { enum: [2, 15] },
    disposition: { enum: ['Blocked', 'Detected'] },
    metadata: object(['product', 'version'], {
      version: text,
      uid: uuid,
      product: object(['vendor_name'], { name: text, vendor_name: text, version: text }),
      profiles: list({ enum: ['host', 'security_control'] }),
      log_name: text,
      labels: list(text),
    }),
    finding_info: object(['uid'], {
      uid: uuid,
      title: text,
      desc: text,
      created_time: int,
      analytic: object(['type_id'], { name: text, type_id: { const: 1 }, type: { const: 'Rule' } }),
      attacks: list({
        ...object([], {
          technique: object(['uid'], { uid: { type: 'string', pattern: '^T\\d{4}$' } }),
          sub_technique: object(['uid'], { uid: { type: 'string', pattern: '^T\\d{4}\\.\\d{3}$' } }),
          tactic: object(['uid'], { uid: { type: 'string', pattern: '^TA\\d{4}$' }, name: text }),
        }),
        minProperties: 1,
      }),
    }),
    device: object(['type_id'], { hostname: text, type_id: { const: 0 } }),
    evidences: list({
      ...object([], {
        actor: { ...object([], { process, user }), minProperties: 1 },
        process,
        container: object([], {
          uid: text,
          name: text,
          image: object(['uid'], { uid: text, name: text, tag: text }),
        }),
        file,
        src_endpoint: endpoint,
        dst_endpoint: endpoint,
        connection_info: object(['direction_id'], { direction_id: { const: 0 }, protocol_name: text }),
      }),
      anyOf: ['actor', 'process', 'file', 'src_endpoint', 'dst_endpoint'].map((name) => ({
        required: [name],
      })),
    }),
    unmapped: { type: 'object' },
  },
);

const ecsProcess = { pid: int, name: text, executable: text, command_line: text };
const ecsEndpoint = object([], { ip: text, address: text, port: int });

/** The ECS field sets that we fill; `ringfence` is a custom set, as ECS allows. */
export const ECS_SCHEMA = object(['@timestamp', 'ecs', 'event', 'message', 'rule', 'host', 'ringfence'], {
  '@timestamp': rfc3339,
  ecs: object(['version'], { version: text }),
  message: text,
  event: object(['kind', 'category', 'type', 'outcome'], {
    id: uuid,
    kind: { const: 'alert' },
    category: list({
      enum: ['intrusion_detection', 'process', 'file', 'network', 'driver', 'configuration', 'host'],
    }),
    type: list({
      enum: ['start', 'end', 'creation', 'change', 'deletion', 'access', 'denied', 'connection', 'info'],
    }),
    action: text,
    outcome: { enum: ['failure', 'success', 'unknown'] },
    severity: int,
    module: text,
    dataset: text,
    provider: text,
  }),
  rule: object(['name'], { name: text, ruleset: text, category: text }),
  log: object(['level'], { level: text }),
  tags: list(text),
  threat: object(['framework'], {
    framework: text,
    tactic: object(['id', 'name'], { id: list(text), name: list(text) }),
    technique: object(['id'], { id: list(text), subtechnique: object(['id'], { id: list(text) }) }),
  }),
  host: object(['name'], { hostname: text, name: text, boot: object(['id'], { id: text }) }),
  observer: object([], { vendor: text, product: text, type: text, version: text }),
  process: object([], { ...ecsProcess, parent: object([], ecsProcess) }),
  user: object([], { name: text, id: text }),
  file: object([], { path: text, name: text }),
  source: ecsEndpoint,
  destination: ecsEndpoint,
  network: object([], { transport: text }),
  container: object(['id'], { id: text, name: text, image: object([], { name: text, tag: list(text) }) }),
  orchestrator: object([], {
    type: text,
    namespace: text,
    resource: object([], { type: text, name: text }),
  }),
  ringfence: { type: 'object' },
});

/** CloudEvents 1.0, JSON format, structured mode. */
export const CLOUDEVENTS_SCHEMA = object(['specversion', 'id', 'source', 'type'], {
  specversion: { const: '1.0' },
  id: text,
  source: { type: 'string', minLength: 1, pattern: "^[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=%-]+$" },
  type: text,
  time: rfc3339,
  subject: text,
  datacontenttype: { const: 'application/json' },
  data: FALCO_SCHEMA,
});
