import { type Explanation, explain } from '../../rules/index.ts';
import { EVENTS } from '../../sensors/events/events.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { ERRORS } from '../core/errors.ts';
import { METRICS } from '../core/metrics.ts';
import { nearest } from '../core/nearest.ts';
import { LANGUAGE } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { paint, print, printJson } from './output.ts';

export const command: CommandSpec = {
  examples: [
    ['ringfence explain proc.aname', 'a field'],
    ['ringfence explain openat', 'an event and its parameters'],
    ['ringfence explain startswith', 'an operator'],
    ['ringfence explain LOAD_NO_EVTTYPE', 'a code of an error or warning'],
  ],
  configure(command) {
    command
      .argument('<name>', 'a field, event, operator, error code or metric')
      .option('--json', 'one JSON object')
      .action(
        act((name: string, options: { json?: boolean }) => {
          const found = find(name);
          if (options.json) printJson({ schema: 'ringfence.explain.v1', ...found });
          else for (const [key, value] of Object.entries(found)) show(key, value);
          return EXIT.ok;
        }),
      );
  },
};

type Facts = Readonly<Record<string, string | readonly string[]>>;

function find(name: string): Facts {
  const explained = explain(name, LANGUAGE.fields);
  if (!('suggestions' in explained)) return factsOf(explained);
  const event = EVENTS.find((def) => def.name === name || def.syscalls.includes(name));
  if (event) {
    const params = event.params.map((param) => `${param.name} (${param.type})`);
    return {
      event: event.name,
      description: event.doc,
      category: event.category,
      parameters: params,
      calls: event.syscalls,
    };
  }
  const code = [name, name.toUpperCase()].find((candidate) => Object.hasOwn(ERRORS, candidate));
  if (code !== undefined) return { code, ...ERRORS[code]! };
  const metric = Object.values(METRICS).find((spec) => spec.name === name);
  if (metric)
    return { metric: metric.name, type: metric.type, description: metric.help, labels: metric.labels };
  const close = nearest(name, [
    ...explained.suggestions,
    ...EVENTS.map((def) => def.name),
    ...Object.keys(ERRORS),
  ]);
  throw new AppError('E_USAGE', `nothing is named "${name}"`, {
    exitCode: EXIT.usage,
    help: close ? `did you mean "${close}"?` : 'ringfence list fields|events|operators|errors|metrics',
  });
}

function factsOf(explained: Explanation): Facts {
  switch (explained.kind) {
    case 'field': {
      const { name, type, doc, forms, operators, notes, events } = explained.field;
      return {
        field: name,
        type,
        description: doc,
        written: forms,
        operators,
        notes,
        events: events === 'all' ? ['all'] : events,
      };
    }
    case 'operator': {
      const { name, doc, example, classes } = explained.operator;
      return { operator: name, description: doc, example, on: classes };
    }
    case 'word':
      return { word: explained.name, description: explained.doc };
    case 'code': {
      const { code, severity, title, cause, remedy } = explained.code;
      return { code, severity, title, cause, remedy };
    }
  }
}

function show(key: string, value: string | readonly string[]): void {
  const text = typeof value === 'string' ? value : value.join('  ');
  if (text !== '') print(`${paint('bold', key.padEnd(13))}${text}`);
}
