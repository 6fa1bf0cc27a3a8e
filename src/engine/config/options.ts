import { PROTECTED_EXECUTABLES } from '../../enforce/rails.ts';
import { type FleetConfig, fleetSchema } from '../../outputs/nats/options.ts';
import { type ServeConfig, serveSchema } from '../../outputs/serve/options.ts';
import { PRIORITY_RING_BYTES, RING_BYTES } from '../../sensors/ring-bytes.ts';
import { MODES } from '../core/mode.ts';
import { PRIORITY_WORDS } from '../core/priority.ts';
import { DURATION_PATTERN } from '../core/units.ts';
import { bool, foreign, int, list, object, section, type TypeOf, text, word } from './schema.ts';

const target = object(
  {
    rule: text({ doc: 'Name of the rule; `*` stands for any text.' }),
    tag: text({ doc: 'A tag of the rule, exactly.' }),
  },
  'What it applies to: one of both.',
);

const appendOutput = object(
  {
    match: object(
      {
        rule: text({ doc: 'Exact name of a rule.' }),
        source: text({ doc: 'Exact name of an event source.' }),
        tags: list(text({ doc: 'A tag.' }), { doc: 'Tags of which the rule must have all.' }),
      },
      'Which rules; what is not named matches all.',
    ),
    extra_output: text({ doc: 'Text with %fields, appended to the message with a blank.' }),
    extra_fields: list(
      { schema: { description: 'A field name, or a map of one name to a format.' } },
      { doc: 'Fields that are added to the fields of the alert only.' },
    ),
    suggested_output: bool({ doc: 'Append the fields that are marked as suggested (container, pod).' }),
  },
  'One addition to the output of rules.',
);

/** THE CONFIG TABLE, without the outputs (these come from the output registry). */
export const CORE_OPTIONS = {
  mode: word(MODES, {
    doc: 'monitor: a rule with `enforce: deny` says what it would have refused. enforce: it refuses.',
    default: 'monitor',
  }),
  builtin_rules: bool({ doc: 'Load the rules that come with Ringfence.', default: true }),
  rules_files: list(text({ doc: 'A rules file, or a folder of *.yaml in byte order.' }), {
    doc: 'Rules files of yours, loaded in this order after the built-in ones.',
    default: ['/etc/ringfence/rules.d'],
  }),
  rules: list(object({ enable: target, disable: target }, 'One step: enable or disable.'), {
    doc: 'Enables and disables rules by name or tag (both in one step: rules of either); later entries win, and over `enabled` in the rule.',
    default: [],
  }),
  rule_matching: word(['first', 'all'], {
    doc: 'Whether an event raises every matching rule, or the first in order only (as in Falco).',
    default: 'all',
  }),
  priority: word(PRIORITY_WORDS, { doc: 'Rules below this priority are not loaded.', default: 'debug' }),
  append_output: list(appendOutput, {
    doc: 'Additions to the output of rules.',
    default: [{ suggested_output: true }],
  }),
  rollup: section(
    {
      after: int(
        {
          doc: 'Alerts of one rule that pass one by one in a window; those beyond are summarised.',
          default: 1000,
        },
        1,
        1_000_000_000,
      ),
      window: text({ doc: 'Length of the window.', default: '10s' }, { pattern: DURATION_PATTERN }),
    },
    'Summaries instead of floods. The audit keeps every alert either way.',
  ),
  log: section(
    {
      level: word(['debug', 'info', 'warn', 'error', 'silent'], {
        doc: 'What the log keeps.',
        default: 'info',
      }),
      format: word(['auto', 'text', 'json'], {
        doc: 'Form of the log on stderr; auto: text on a terminal, else JSON.',
        default: 'auto',
      }),
    },
    "Ringfence's own log (never alerts), on stderr.",
  ),
  sensors: section(
    {
      ring_bytes: int(
        {
          doc: 'Size of the bulk ring between kernel and engine, a power of two.',
          default: RING_BYTES,
        },
        1024 * 1024,
        1024 * 1024 * 1024,
      ),
      priority_ring_bytes: int(
        {
          doc: 'Size of the ring for process lifecycle and denials, a power of two.',
          default: PRIORITY_RING_BYTES,
        },
        1024 * 1024,
        1024 * 1024 * 1024,
      ),
      max_tier: word(['lsm', 'fmod_ret', 'signal', 'observe'], {
        doc: 'The highest tier of kernel mechanisms to try.',
        default: 'lsm',
      }),
      compat_calls: bool({
        doc: 'See calls of 32-bit callers also where that takes a program at every call (x86-64 without BPF trampolines): 0.1 µs for each call of each process. Without, an attacker who uses them is not seen there.',
        default: true,
      }),
    },
    'How events leave the kernel.',
  ),
  canary: section(
    {
      interval: text(
        {
          doc: 'Every so often the engine does something harmless that its own sensors must see; 0s = never.',
          default: '5s',
        },
        { pattern: DURATION_PATTERN },
      ),
    },
    'The proof that the sensors see. Twice missing in a row: an alert, a row in the audit, not ready.',
  ),
  process_table: section(
    { max_processes: int({ doc: 'Processes kept at most.', default: 65_536 }, 1024, 4_194_304) },
    'The table of processes.',
  ),
  containers: section(
    {
      enabled: bool({ doc: 'Ask container runtimes for names, images and labels.', default: true }),
      host_root: text({
        doc: "Where the host's file system is, to find the sockets of its runtimes: `/host` in a container.",
        default: '',
      }),
      wait: text(
        { doc: 'How long an event waits for container metadata that its rules read.', default: '500ms' },
        { pattern: DURATION_PATTERN },
      ),
      max_waiting_events: int(
        { doc: 'Events that wait at the same time, at most.', default: 4096 },
        0,
        1_000_000,
      ),
    },
    'Container metadata.',
  ),
  enforcement: section(
    {
      pin: bool({
        doc: 'Keep refusing when the engine is gone: programs and policy stay in the kernel until `ringfence policy unload`.',
        default: false,
      }),
      cut_connections: bool({
        doc: 'Deny entries also cut connections that are older, and raw packets: costs a look at every packet that leaves.',
        default: false,
      }),
      protected: list(text({ doc: 'Path of an executable.' }), {
        doc: 'Executables that no rule refuses anything to where root executes them on the host.',
        default: [...PROTECTED_EXECUTABLES],
      }),
      self_protection: bool({
        doc: 'In mode enforce, with security hooks: nobody else may kill, trace or limit the engine, or change its files and BPF objects.',
        default: true,
      }),
      maintainers: list(text({ doc: 'Path of an executable.' }), {
        doc: 'Programs that may change them all the same.',
        default: [
          '/usr/bin/dpkg',
          '/usr/bin/rpm',
          '/usr/bin/dnf5',
          '/usr/bin/pacman',
          '/sbin/apk',
          '/usr/bin/kubelet',
          '/usr/bin/runc',
          '/usr/sbin/runc',
          '/usr/bin/crun',
        ],
      }),
      max_denials_per_minute: int(
        { doc: 'Refusals of one rule in a minute before it only watches; 0 = any number.', default: 600 },
        0,
        1_000_000,
      ),
    },
    'How rules with `enforce` act.',
  ),
  control: section(
    {
      enabled: bool({ doc: 'Listen for `ringfence status`, `reload` and the like.', default: true }),
      socket: text({ doc: 'The unix socket, for root only.', default: '/run/ringfence/control.sock' }),
    },
    'The control socket.',
  ),
  fleet: foreign<FleetConfig>(fleetSchema),
  http: foreign<ServeConfig>(serveSchema),
  state_dir: text({ doc: 'Folder for what must outlive the process.', default: '/var/lib/ringfence' }),
  watch_files: bool({
    doc: 'Reload when a configuration or rules file changes (else on SIGHUP).',
    default: false,
  }),
} as const;

export const coreSection = section(CORE_OPTIONS, 'Configuration of Ringfence.');

/** Everything but `outputs`. */
export type CoreConfig = TypeOf<typeof coreSection>;
