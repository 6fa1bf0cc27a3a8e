import type { Engine } from '../main.ts';
import type { ControlCommand } from './server.ts';

/** THE CONTROL TABLE: what a running engine can be asked to do. */
export function controlCommands(engine: Engine): readonly ControlCommand[] {
  return [
    { name: 'status', summary: 'state of the engine', run: () => engine.status() },
    { name: 'reload', summary: 'read configuration and rules again', run: () => engine.reload() },
    { name: 'metrics', summary: 'all figures', run: () => engine.metrics.figures() },
  ];
}
