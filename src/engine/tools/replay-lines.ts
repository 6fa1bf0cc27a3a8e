import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { buildGiven, type GivenEvent, parseGiven } from '../../rules/cases/given.ts';
import { type CompiledRule, type FieldTable, fromBytes, type RuleSet } from '../../rules/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { PRIORITIES } from '../core/priority.ts';

/** What a rule says of an event that was given as fields. */
export interface LineAlert {
  readonly line: number;
  readonly rule: string;
  readonly priority: string;
  readonly tags: readonly string[];
  readonly output: string;
}

/**
 * Runs JSON lines through rules: one event a line, as an object of field expressions and values, as rule tests write
 * them and `ringfence events -o json` prints them. Throws an AppError with the line that is wrong.
 */
export async function replayLines(
  path: string,
  rules: RuleSet<GivenEvent>,
  fields: FieldTable<GivenEvent>,
  emit: (alert: LineAlert) => void,
): Promise<{ readonly events: number; readonly matches: number }> {
  const out: CompiledRule<GivenEvent>[] = [];
  let [line, events, matches] = [0, 0, 0];
  for await (const text of createInterface({ input: createReadStream(path) })) {
    line++;
    if (text.trim() === '') continue;
    const fail = (message: string): AppError =>
      new AppError('E_EVENT_LINE', `${path}:${line}: ${message}`, { exitCode: EXIT.invalid });
    const given = parseGiven(text);
    if (given === undefined) throw fail('expected a JSON object of fields');
    const event = buildGiven(given, fields);
    if (!(event instanceof Map)) throw fail((event as readonly string[]).join('; '));
    const code = EVENT_NAMES.code(String(given['evt.type'] ?? ''));
    if (code === undefined) throw fail(`evt.type: there is no event "${given['evt.type']}"`);
    events++;
    const count = rules.evaluate(event, code, out);
    matches += count;
    for (const rule of out.slice(0, count)) {
      const { message } = rule.render(event);
      emit({
        line,
        rule: rule.name,
        priority: PRIORITIES[rule.priority],
        tags: rule.tags,
        output: fromBytes(message),
      });
    }
  }
  return { events, matches };
}
