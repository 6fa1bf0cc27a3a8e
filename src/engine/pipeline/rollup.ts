import type { Alert, FieldValue } from '../core/alert.ts';
import { digestId } from './alert-id.ts';

export interface RollUpOptions {
  /** Alerts of one rule that pass one by one in a window; those beyond it are summarised. */
  readonly after: number;
  readonly windowMs: number;
}

/** Different values of one field that a summary shows. */
const SAMPLES = 5;

interface Window {
  readonly until: number;
  passed: number;
  first: Alert | undefined;
  last: Alert | undefined;
  held: number;
  /** Values by field: the first few different ones. */
  readonly values: Map<string, FieldValue[]>;
}

/**
 * Summaries instead of floods: the first alerts of a rule in a window pass as they are, the others become one alert at
 * the window's end that says how many there were and in what they differed. Nothing is left out in silence.
 */
export class RollUp {
  readonly #options: RollUpOptions;
  readonly #windows = new Map<string, Window>();

  constructor(options: RollUpOptions) {
    this.#options = options;
  }

  /** Those of the alerts that pass, and the summaries that are due. `now` in ms, of any clock that does not go back. */
  take(alerts: readonly Alert[], now: number): Alert[] {
    const out = this.due(now);
    for (const alert of alerts) {
      const window = this.#window(alert, now);
      if (window.passed < this.#options.after) {
        window.passed++;
        out.push(alert);
      } else hold(window, alert);
    }
    return out;
  }

  /** Summaries of the windows that are over. */
  due(now: number): Alert[] {
    const out: Alert[] = [];
    for (const [key, window] of this.#windows) {
      if (window.until > now) continue;
      this.#windows.delete(key);
      out.push(...this.#summary(window));
    }
    return out;
  }

  /** Summaries of all windows: at the end. */
  finish(): Alert[] {
    return this.due(Number.POSITIVE_INFINITY);
  }

  #window(alert: Alert, now: number): Window {
    // What the kernel refused is not counted together with what it let pass.
    const key = `${alert.guarantee} ${alert.rule}`;
    let window = this.#windows.get(key);
    if (window === undefined) {
      const until = now + this.#options.windowMs;
      window = { until, passed: 0, first: undefined, last: undefined, held: 0, values: new Map() };
      this.#windows.set(key, window);
    }
    return window;
  }

  #summary({ first, last, held, values }: Window): Alert[] {
    if (first === undefined || last === undefined) return [];
    if (held === 1) return [first];
    const seconds = Number(last.timeNs - first.timeNs) / 1e9;
    const differ = [...values].filter(([, found]) => found.length > 1);
    const shown = differ.map(
      ([name, found]) => `${name}=${found.map(show).join(',')}${found.length > SAMPLES ? ',…' : ''}`,
    );
    const message = `${held} more alerts of this rule in ${seconds.toFixed(1)} s${shown.length === 0 ? '' : `; they differ in ${shown.join(' ')}`}`;
    const fields = Object.fromEntries(
      [...values].map(([name, found]) => [name, found.length === 1 ? found[0]! : found.slice(0, SAMPLES)]),
    );
    // Stable over retries: of the alerts that it stands for.
    const uuid = digestId('rollup', first.uuid, last.uuid, held);
    return [{ ...last, uuid, message, fields: { ...fields, 'rollup.count': held } }];
  }
}

function hold(window: Window, alert: Alert): void {
  window.held++;
  window.first ??= alert;
  window.last = alert;
  for (const [name, value] of Object.entries(alert.fields)) {
    let found = window.values.get(name);
    if (found === undefined) {
      found = [];
      window.values.set(name, found);
    }
    // One more than is shown, to know that there are more.
    if (found.length <= SAMPLES && !found.some((known) => same(known, value))) found.push(value);
  }
}

function same(a: FieldValue, b: FieldValue): boolean {
  return a === b || (typeof a === 'object' && show(a) === show(b));
}

function show(value: FieldValue): string {
  if (value === null) return '<NA>';
  return typeof value === 'object' ? `(${value.map(show).join(',')})` : String(value);
}
