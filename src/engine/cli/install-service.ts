import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { makeFolder } from '../core/folder.ts';
import { PACKAGE_ROOT } from '../core/package.ts';
import { act, type CommandSpec } from './command.ts';
import { configFor } from './config-for.ts';
import { note, print } from './output.ts';
import { serviceUnit, writableFolders } from './service-unit.ts';

interface Options {
  readonly config?: string;
  readonly print?: boolean;
  readonly dryRun?: boolean;
  readonly path: string;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence install-service --print', 'the systemd unit, on stdout'],
    ['sudo ringfence install-service && sudo systemctl enable --now ringfence', 'run from now on'],
  ],
  configure(command) {
    command
      .option('-c, --config <file>', 'configuration file of the service')
      .option('--path <file>', 'where the unit goes', '/etc/systemd/system/ringfence.service')
      .option('--print', 'write the unit to stdout, and nothing else')
      .option('--dry-run', 'say what would be done')
      .action(act(install));
  },
};

async function install({ config, print: show, dryRun, path }: Options): Promise<number> {
  const file = config === undefined ? undefined : resolve(config);
  const inForce = await configFor(file);
  const { pin } = inForce.enforcement;
  const writable = writableFolders(inForce);
  const unit = serviceUnit({ program: join(PACKAGE_ROOT, 'bin/ringfence'), config: file, pin, writable });
  if (show) {
    print(unit.trimEnd());
    return EXIT.ok;
  }
  if (dryRun) {
    note(`would write ${path} (${unit.length} bytes); \`--print\` shows it`);
    return EXIT.ok;
  }
  write(path, unit);
  note(`wrote ${path}`);
  for (const folder of writable.filter((each) => !existsSync(each)))
    note(`make ${folder} before the start: the service may write to it, and not make it`);
  note('next: systemctl daemon-reload && systemctl enable --now ringfence');
  return EXIT.ok;
}

/** Whole or not at all: a half unit must never be started. */
function write(path: string, unit: string): void {
  try {
    makeFolder(dirname(path), 0o755);
    writeFileSync(`${path}.new`, unit, { mode: 0o644 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new AppError('E_SERVICE_WRITE', `cannot write ${path}: ${(error as Error).message}`, {
      help: 'as root, or elsewhere with --path',
      cause: error,
    });
  }
}
