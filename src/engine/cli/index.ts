import { CommanderError } from 'commander';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { nearest } from '../core/nearest.ts';
import { habitPointer } from './habits.ts';
import { usage } from './options.ts';
import { note, noteError } from './output.ts';
import { buildProgram } from './program.ts';
import { COMMANDS } from './table.ts';

/** Runs one command line; sets the process's exit code. */
export async function main(line: readonly string[]): Promise<void> {
  const argv = canonical(line);
  if (argv.includes('--no-color')) process.env.NO_COLOR = '1';
  const pointer = habitPointer(argv);
  if (pointer) {
    note(pointer);
    process.exitCode = EXIT.usage;
    return;
  }
  const words = argv.filter((word) => !word.startsWith('-'));
  const typed = words[0] === 'help' ? words[1] : words[0];
  try {
    if (typed !== undefined && !COMMANDS.some((row) => row.name === typed)) {
      const close = nearest(
        typed,
        COMMANDS.filter((row) => !row.hidden).map((row) => row.name),
      );
      throw usage(
        `unknown command "${typed}"`,
        close ? `did you mean "${close}"?` : 'ringfence --help lists the commands',
      );
    }
    const program = await buildProgram(typed);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    process.exitCode = report(error, argv);
  }
}

/** `--version` is a command here; `help A B` is `A B --help`, which knows the commands below A. */
function canonical(line: readonly string[]): readonly string[] {
  if (line[0] === '--version') return ['version', ...line.slice(1)];
  return line[0] === 'help' && line.length > 2 ? [...line.slice(1), '--help'] : line;
}

function report(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError) {
    // Help and version end with 0; every other is about usage and has been printed.
    return error.exitCode === 0 || error.code === 'commander.help' ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof AppError) {
    noteError(error);
    return error.exitCode;
  }
  if (error instanceof Error && 'syscall' in error) {
    const failure = systemError(error as NodeJS.ErrnoException);
    noteError(failure);
    return failure.exitCode;
  }
  const verbose = argv.includes('-v') || argv.includes('--verbose');
  const text =
    error instanceof Error ? ((verbose ? error.stack : undefined) ?? error.message) : String(error);
  note(`error[E_INTERNAL]: ${text}`);
  if (!verbose) note('  help: this is a defect of Ringfence; -v shows where, please report it');
  return EXIT.failure;
}

/** The system refused something: no defect, but nothing that we foresaw in particular. */
function systemError(error: NodeJS.ErrnoException): AppError {
  const denied = error.code === 'EACCES' || error.code === 'EPERM';
  return new AppError('E_SYSTEM', error.message, {
    exitCode: denied ? EXIT.notPermitted : EXIT.failure,
    ...(denied && { help: 'run as root, or choose a place that you may use' }),
  });
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader went away (`| head`): nothing is left to say.
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.exit(report(error, process.argv));
});

// Whoever reads the log went away, or its disk is full: an engine goes on without one.
process.stderr.on('error', () => {});

// Node would open its debugger, to everybody on this host. `run` gives the signal a meaning of its own.
process.on('SIGUSR1', () => {});

await main(process.argv.slice(2));
