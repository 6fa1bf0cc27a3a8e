import { outputsSchema } from '../../outputs/registry.ts';
import { type Explanation, explain } from '../../rules/index.ts';
import { EVENTS } from '../../sensors/events/events.ts';
import { configSchema } from '../config/config.ts';
import type { Schema } from '../core/check-schema.ts';
import { EXIT } from '../core/diagnostic.ts';
import { ERRORS } from '../core/errors.ts';
import { METRICS } from '../core/metrics.ts';
import { nearest } from '../core/nearest.ts';
import { LANGUAGE } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { usage } from './options.ts';
import { paint, printBeside, printJson } from './output.ts';

export const command: CommandSpec = {
  examples: [
    ['ringfence explain proc.aname', 'a field'],
    ['ringfence explain openat', 'an event and its parameters'],
    ['ringfence explain startswith', 'an operator'],
    ['ringfence explain enforce', 'a key of a rule'],
    ['ringfence explain outputs.http.url', 'an option of the configuration'],
    ['ringfence explain LOAD_NO_EVTTYPE', 'a code of an error or warning'],
  ],
  configure(command) {
    command
      .argument('<name>', 'a field, event, operator, rule key, option, error code or metric')
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
  const option = optionFacts(name);
  if (!('suggestions' in explained)) return { ...factsOf(explained), ...option };
  if (option) return option;
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
    ...optionNames(CONFIG, ''),
  ]);
  throw usage(
    `nothing is named "${name}"`,
    close ? `did you mean "${close}"?` : 'ringfence list fields|events|operators|outputs|metrics|errors',
  );
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

const CONFIG: Schema = configSchema(outputsSchema());

/** An option of the configuration by its name with dots. */
function optionFacts(name: string): Facts | undefined {
  let schema: Schema | undefined = CONFIG;
  for (const part of name.split('.')) {
    const members: Readonly<Record<string, Schema>> | undefined = schema?.properties;
    schema = members && Object.hasOwn(members, part) ? members[part] : undefined;
  }
  if (!schema) return undefined;
  const { description = '', enum: values, type = 'any', properties } = schema;
  return {
    option: name,
    meaning: description,
    values: values ? values.map(String) : properties ? [] : [type],
    default: properties || schema.default === undefined ? '' : JSON.stringify(schema.default),
    members: Object.keys(properties ?? {}),
  };
}

function optionNames(schema: Schema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
    `${path}${name}`,
    ...optionNames(inner, `${path}${name}.`),
  ]);
}

/** Notes are sentences, one a line; names stand beside each other. */
function show(key: string, value: string | readonly string[]): void {
  const text = typeof value === 'string' ? value : value.join(key === 'notes' ? '\n' : '  ');
  if (text !== '') printBeside(paint('bold', key.padEnd(13)), text);
}
