/** Flags of Falco that fingers type by themselves → what to type here. */
const HABITS: Readonly<Record<string, string>> = {
  '-V': 'ringfence validate FILE',
  '--validate': 'ringfence validate FILE',
  '-L': 'ringfence rules describe',
  '-l': 'ringfence rules describe RULE',
  '--list': 'ringfence list fields',
  '-N': 'ringfence list fields',
  '--list-events': 'ringfence list events',
  '--list-syscall-events': 'ringfence list events',
  '-r': 'ringfence run -r FILE',
  '-c': 'ringfence run -c FILE',
  '-p': 'append_output in the configuration (ringfence config default)',
  '-o': 'ringfence run --set KEY=VALUE (ringfence run -o json|text is the form of the alerts)',
  '--dry-run': 'ringfence run --dry-run',
  '--support': 'ringfence doctor --json',
  '--config-schema': 'ringfence config schema',
  '--rule-schema': 'ringfence explain rule',
  '--version': 'ringfence version',
  '-M': 'ringfence run --duration 30s',
};

/** If the line starts with a flag where a command should stand: one line that says what to type instead. */
export function habitPointer(argv: readonly string[]): string | undefined {
  const first = argv[0]?.split('=')[0];
  if (first === undefined || !Object.hasOwn(HABITS, first)) return undefined;
  return `ringfence takes a command first; for ${first} type: ${HABITS[first]}`;
}
