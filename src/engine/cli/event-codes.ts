import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { nearest } from '../core/nearest.ts';
import { usage } from './options.ts';

/** The codes of events that were typed by name. Throws a usage error with the nearest name. */
export function eventCodes(names: readonly string[]): Set<number> {
  return new Set(
    names.map((name) => {
      const code = EVENT_NAMES.code(name);
      if (code !== undefined) return code;
      const close = nearest(name, EVENT_NAMES.names);
      throw usage(
        `no event is named "${name}"`,
        // Options that take several words also take a condition behind them.
        /\s/.test(name)
          ? '--type takes all words that follow it: put the condition before it'
          : close
            ? `did you mean "${close}"?`
            : 'ringfence list events',
      );
    }),
  );
}
