/**
 * THE ERROR TABLE: codes of expected failures outside of the rule language (which has its own, LOAD_*).
 * `ringfence explain CODE`, `list errors` and the reference page are made of it.
 */
export interface ErrorRow {
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
}

const row = (title: string, cause: string, remedy: string): ErrorRow => ({ title, cause, remedy });

export const ERRORS: Readonly<Record<string, ErrorRow>> = {
  E_CANARY: row(
    'The sensors do not see',
    'A harmless act of the engine itself did not come back as an event: somebody detached a program, or it stalls.',
    'Look at ringfence status and bpftool link; restart the engine.',
  ),
  E_WATCH: row(
    'Folder not watched',
    'With watch_files: the system has no inotify watches left for this user, or the folder cannot be read.',
    'Raise fs.inotify.max_user_instances and max_user_watches; SIGHUP and ringfence reload work meanwhile.',
  ),
  E_SERVICE_WRITE: row(
    'The unit cannot be written',
    'The folder of systemd units is not writable.',
    'Run as root, or give --path.',
  ),
  E_USAGE: row(
    'Wrong usage',
    'A command, option or value does not exist.',
    'ringfence help COMMAND shows what does.',
  ),
  E_INTERNAL: row(
    'Defect',
    'Something happened that should be impossible.',
    'Run again with -v and report it.',
  ),
  E_CONFIG: row('Configuration not valid', 'One or more values are wrong.', 'Each is listed with its place.'),
  E_CONFIG_READ: row(
    'Configuration not readable',
    'A file is missing or not readable.',
    'Check the path and its mode.',
  ),
  E_CONFIG_YAML: row('Not YAML', 'The file cannot be parsed.', 'The place where parsing stopped is shown.'),
  E_CONFIG_UNKNOWN_KEY: row(
    'Unknown option',
    'No option has this name; a typing error would otherwise be ignored silently.',
    'ringfence config schema has all names.',
  ),
  E_CONFIG_VALUE: row(
    'Wrong value',
    'The value is of the wrong type or out of range.',
    'The message says what fits.',
  ),
  E_CONFIG_MISSING: row(
    'Value missing',
    'A part that is used needs this value.',
    'Set it, or remove the part.',
  ),
  E_RULES: row(
    'Rules not valid',
    'Rules files have errors; nothing was started or changed.',
    'Each is listed.',
  ),
  E_RULES_READ: row(
    'Rules not readable',
    'A rules file or folder does not exist.',
    'Check -r and rules_files.',
  ),
  E_RULE_UNKNOWN: row('No such rule', 'No loaded file has a rule of this name.', 'ringfence rules describe'),
  E_CONDITION: row('Condition not valid', 'The filter cannot be parsed or checked.', 'The place is shown.'),
  E_FORMAT: row(
    'Format not valid',
    'A %field does not exist or is not allowed there.',
    'ringfence list fields',
  ),
  E_CONTROL: row(
    'Control socket',
    'The engine did not answer as expected.',
    'Look at the log of the engine.',
  ),
  E_CONTROL_PEER: row(
    'Connection refused',
    'Only root and the engine’s user may use the socket.',
    'Run as root.',
  ),
  E_NOT_RUNNING: row(
    'No engine',
    'Nothing listens on the control socket.',
    'ringfence run, or --socket PATH.',
  ),
  E_ALREADY_RUNNING: row(
    'Engine runs already',
    'Another engine listens there, or uses the state folder.',
    'Stop it, or set control.socket and state_dir.',
  ),
  E_STOPPING: row('Engine stops', 'The request came while the engine was ending.', 'Ask the next one.'),
  E_ENGINE_STOP: row('Slow end', 'The engine thread did not end in time and was cut off.', 'Report it.'),
  E_ENGINE_DIED: row(
    'Engine thread died',
    'The thread that evaluates ended by itself.',
    'Report it with the log.',
  ),
  E_PIPELINE: row('Record not evaluated', 'A record raised an error; the next ones go on.', 'Report it.'),
  E_POLICY: row('Rule not enforced', 'The kernel cannot decide this rule.', 'The message names the part.'),
  W_EVENTS_LOST: row(
    'Events lost',
    'The rings were full or a record was damaged.',
    'Raise sensors.ring_bytes.',
  ),
  E_NO_PROC: row(
    'No /proc',
    'Processes, clocks and mounts are read from /proc.',
    'Mount it: mount -t proc proc /proc',
  ),
  E_TAMPER: row(
    'Enforcement undone',
    'Somebody detached a program of the engine or removed its pins.',
    'It is put back; find out who: see the alerts about bpf(2) and removed files.',
  ),
  W_RESTART_NEEDED: row('Restart needed', 'A changed option is read at start only.', 'Restart the engine.'),
  E_FILE: row('File not readable', 'A file that was named cannot be read.', 'Check the path and its mode.'),
  E_EVENT: row('Event not valid', 'The event that was given has wrong fields.', 'The message lists them.'),
  E_EVENT_LINE: row(
    'Event line not valid',
    'A line of a file of events is not an event.',
    'The place is shown.',
  ),
  E_NO_EVENT: row(
    'No such event',
    'The recording has no event with this number.',
    'Look into the recording with replay.',
  ),
  E_NO_ALERT: row(
    'No such alert',
    'Neither audit nor recording has an alert with this id.',
    'Check the id and the folder.',
  ),
  E_NO_REASON: row(
    'No reason on record',
    'The alert was written without what explains it.',
    'Ask about a newer alert.',
  ),
  E_RULE_TEST: row('Rule test not valid', 'A file of rule cases has a wrong shape.', 'The place is shown.'),
  E_RECORDING: row(
    'Recording not valid',
    'The file is no recording, is damaged, or is of another build.',
    'Record again with this version.',
  ),
  E_DENY: row(
    'Deny list request not valid',
    'A target is no address or network, or there is no such entry.',
    'The message says what fits.',
  ),
  E_DENY_STORE: row(
    'Deny list not stored',
    'The file with the entries cannot be read or written.',
    'Check state_dir and its free space; what is in force stays, and is stored when there is room.',
  ),
  E_ALERTS: row(
    'Alerts cannot be followed',
    'The stream does not exist, or NATS does not let us read it.',
    'Check --stream and the credentials; the message says what NATS answered.',
  ),
  E_FLEET: row(
    'Fleet command',
    'Nobody is trusted to give commands, or a command asks for something else than deny lists.',
    'Set fleet.secret_file or fleet.trusted_nkeys; ringfence deny push makes proper commands.',
  ),
  E_OUTPUT_CONFIG: row(
    'Output configured wrongly',
    'An option of an output is wrong or missing.',
    'ringfence config schema has all options.',
  ),
  E_OUTPUT_CONDITION: row(
    'Condition of an output not valid',
    'filter.condition cannot be compiled.',
    'It may use alert.* and output fields.',
  ),
  E_OUTPUT_OPEN: row(
    'Output cannot be opened',
    'A file, socket or program is not there.',
    'The message has the reason of the system.',
  ),
  E_OUTPUT_SEND: row(
    'Output fails',
    'Alerts could not be handed over, or kept on disk: the receiver is away, too slow or refuses them, or the disk does.',
    'The message has the reason. Alerts wait and are sent again; ringfence status shows how many.',
  ),
  E_OUTPUT_REOPEN: row(
    'Output cannot be reopened',
    'After SIGHUP a file or secret was not readable.',
    'It goes on with what it had.',
  ),
  E_PROGRAM_EXIT: row(
    'Program output ended',
    'The program that takes alerts ended.',
    'It is started again; see its own messages.',
  ),
  E_PROGRAM_STDERR: row(
    'Program output complained',
    'The program that takes alerts wrote to stderr.',
    'See the text.',
  ),
  E_NATS_CONNECTION: row(
    'NATS connection',
    'The server is not reachable or refused us.',
    'Alerts wait; check url, credentials and TLS.',
  ),
  E_NATS_NO_ALERT: row(
    'No alert in the stream',
    'A message that was followed is no alert.',
    'Check the subject mapping of the stream.',
  ),
  E_CONTROL_REFUSED: row(
    'Remote command refused',
    'A command over NATS was not signed by a known key, or too old.',
    'Check keys and clocks.',
  ),
  E_CONTROL_FAILED: row(
    'Remote command failed',
    'A command over NATS was valid and failed.',
    'See the log entry.',
  ),
  E_SERVE: row('HTTP server', 'The server for metrics and health had an error.', 'See the log entry.'),
  E_SERVE_LISTEN: row(
    'HTTP server cannot listen',
    'The address is taken or not permitted.',
    'Change http.listen.',
  ),
  E_SPOOL_DAMAGED: row(
    'Spool damaged',
    'A file of alerts that waited has a broken part.',
    'What is readable is sent, the rest is counted.',
  ),
  E_SPOOL_CURSOR: row(
    'Spool cannot note what was sent',
    'The disk is full or refuses writes.',
    'Nothing is lost; make room, or what was sent comes once more after a restart.',
  ),
  E_SPOOL_OPEN: row(
    'Spool not available',
    'The disk was full or read-only when the engine started.',
    'Make room and restart; until then alerts that cannot be sent wait in memory only.',
  ),
  E_SPOOL_SYNC: row('Spool not forced to disk', 'The disk did not take the data.', 'Check the disk.'),
  E_AUDIT: row(
    'Audit',
    'The audit cannot be opened or written.',
    'See the message; the engine refuses to start without it.',
  ),
  E_AUDIT_FOLDER: row(
    'Audit folder',
    'The folder is missing, not ours, or on a network file system.',
    'Check path and mode (0700).',
  ),
  E_AUDIT_BUSY: row('Audit in use', 'Another engine writes to it.', 'One engine a folder.'),
  E_AUDIT_SCHEMA: row(
    'Audit of another version',
    'The files were written by a newer version.',
    'Use that version.',
  ),
  E_AUDIT_KEY: row(
    'Audit key',
    'The signing key is missing or not valid.',
    'Check its path and mode (0600).',
  ),
  E_AUDIT_REPLACED: row(
    'Audit replaced',
    'The files are not those that were being written.',
    'Somebody moved them: investigate.',
  ),
  E_AUDIT_DAMAGED: row(
    'Audit damaged',
    'A file of the audit cannot be read.',
    'ringfence audit verify says where.',
  ),
  E_AUDIT_BROKEN: row(
    'Chain broken',
    'A row was changed, removed or added.',
    'ringfence audit verify names the first.',
  ),
  E_AUDIT_GAP: row(
    'Audit has a gap',
    'The end of the chain is missing after a crash.',
    'The gap itself is on record.',
  ),
  E_AUDIT_ANCHOR_FILE: row(
    'Anchor not in its file',
    'outputs.audit.anchor_file cannot be written.',
    'Mend the path or its disk; the anchor is in the log and in the audit.',
  ),
  E_AUDIT_ANCHORS: row(
    'No anchors',
    'The file given with --anchors cannot be read, or has none.',
    'Check the path; ringfence audit anchor prints one.',
  ),
  E_AUDIT_THREAD: row(
    'Audit thread died',
    'The thread that writes ended by itself.',
    'Report it with the log.',
  ),
  E_AUDIT_STALLED: row('Audit stalled', 'Rows cannot be written at present.', 'Check the disk; rows wait.'),
  E_AUDIT_UNWRITTEN: row('Rows not written', 'At the end some rows could not be written.', 'Check the disk.'),
  E_AUDIT_RETENTION: row('Old files not removed', 'A sealed file could not be removed.', 'Check the folder.'),
  E_AUDIT_EXPORT: row('Export failed', 'The target cannot be written.', 'Check the path.'),
  E_AUDIT_BACKUP: row('Backup failed', 'The target cannot be written or is not empty.', 'Check the path.'),
  W_AUDIT_HEAD: row(
    'Audit head behind',
    'The file with the chain’s head was older than the chain.',
    'Normal after a crash; it was brought up to date.',
  ),
  W_AUDIT_RESUMED: row('Audit resumed', 'Rows are written again.', 'Nothing.'),
  W_AUDIT_SPACE: row(
    'Audit disk nearly full',
    'There is little room left.',
    'Free space, or shorten the retention.',
  ),
  'enforce/policy': row(
    'Policy not installed',
    'The kernel did not take the compiled rules.',
    'The policy before stays; see the message.',
  ),
  'sensor/no-libbpf': row('libbpf missing', 'libbpf.so.1 is not installed.', 'apt-get install libbpf1'),
  'sensor/pid-namespace': row(
    'Not the PID namespace of the host',
    'Records carry the numbers of the host, which mean nothing in a PID namespace of its own.',
    'docker run --pid=host, or hostPID: true in the pod.',
  ),
  'sensor/time-namespace': row(
    'Clocks of its own',
    'Records carry the times of the host, and the engine runs in a time namespace whose clocks are set off.',
    'Start it outside of that namespace.',
  ),
  'sensor/no-btf': row(
    'No kernel types',
    'The kernel was built without BTF.',
    'Use a kernel with CONFIG_DEBUG_INFO_BTF=y.',
  ),
  'sensor/no-object': row('No BPF object', 'The built object is missing.', 'make -C bpf/lsm'),
  'sensor/abi': row('Stale build', 'Object and program do not belong together.', 'Build both again.'),
  'sensor/not-permitted': row(
    'Not permitted',
    'Loading BPF programs was refused.',
    'Run as root or with the capabilities that doctor names.',
  ),
  'sensor/object': row('Object not readable', 'libbpf cannot open the object.', 'Build it again.'),
  'sensor/load': row(
    'Program refused',
    'The kernel’s verifier refused a program.',
    'Report it with the lines shown and the kernel’s version.',
  ),
  'sensor/attach': row(
    'Program not attached',
    'A hook does not exist or is not open to us.',
    'ringfence doctor',
  ),
  'sensor/tracepoint': row(
    'Tracepoint not opened',
    'perf_event_open was refused.',
    'Run as root; check kernel.perf_event_paranoid.',
  ),
  'sensor/capture': row('Capture table full', 'A system call number is out of range.', 'Report it.'),
  'sensor/map': row(
    'Map operation failed',
    'The kernel refused an operation on a map.',
    'Report it with the message.',
  ),
  'sensor/mmap': row('Map not mapped', 'A ring or variable could not be mapped.', 'Check the memory limits.'),
  'sensor/pin': row(
    'Link not pinned',
    'bpffs is not mounted or not writable.',
    'mount -t bpf bpf /sys/fs/bpf',
  ),
  E_PIN: row(
    'Policy not pinned',
    'The folder for pins is not on a BPF file system.',
    'mount -t bpf bpf /sys/fs/bpf',
  ),
  E_BUDGET: row(
    'Budget of denials spent',
    'A rule refused more than its budget and only watches from now on.',
    'Mend the rule, then reload.',
  ),
  W_TIER: row(
    'Rule can only observe',
    'Nothing on this machine can refuse what the rule denies.',
    'ringfence doctor says what is missing.',
  ),
  W_LABEL: row(
    'Known by name only',
    'On btrfs the subvolumes number their files alike: what a rule names there, and what the engine guards, has no label.',
    'Hard links, bind mounts and moves are ways around a rule there: deny `link`, `rename` and `mount` as well.',
  ),
  W_JOURNAL: row(
    'Refusals untold',
    'Pinned enforcement refused more while no engine ran than can be told.',
    'The refusals held. A larger sensors.priority_ring_bytes holds more of them.',
  ),
  W_UNJUDGED: row(
    'Let through unjudged',
    'More than a hundred operations were being judged at once; further ones went through, and are counted.',
    'Look for what makes so many at a time (`ringfence_enforcement_unjudged`).',
  ),
  E_SYSTEM: row(
    'The system refused',
    'A file, socket or process could not be used.',
    'The message has the reason of the system.',
  ),
};
