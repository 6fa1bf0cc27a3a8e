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
    'Another engine listens there.',
    'Stop it, or set control.socket.',
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
  W_RESTART_NEEDED: row('Restart needed', 'A changed option is read at start only.', 'Restart the engine.'),
};
