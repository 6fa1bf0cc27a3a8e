import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { nearest } from '../core/nearest.ts';

/** The codes of events that were typed by name. Throws a usage error with the nearest name. */
export function eventCodes(names: readonly string[]): Set<number> {
  return new Set(
    names.map((name) => {
      const code = EVENT_NAMES.code(name);
      if (code !== undefined) return code;
      const close = nearest(name, EVENT_NAMES.names);
      throw new AppError('E_USAGE', `no event is named "${name}"`, {
        exitCode: EXIT.usage,
        help: close ? `did you mean "${close}"?` : 'ringfence list events',
      });
    }),
  );
}
