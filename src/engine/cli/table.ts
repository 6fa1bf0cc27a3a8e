import type { CommandRow } from './command.ts';

/** THE COMMAND TABLE, in the order of the help. */
export const COMMANDS: readonly CommandRow[] = [
  { name: 'run', summary: 'watch this machine until Ctrl-C', load: () => import('./run.ts') },
  { name: 'events', summary: 'show what the sensors see, as it happens', load: () => import('./events.ts') },
  {
    name: 'alerts',
    summary: "follow a fleet's alerts over NATS",
    load: () => import('./alerts.ts'),
  },
  { name: 'top', summary: 'show who is busiest with what', load: () => import('./top.ts') },
  { name: 'status', summary: 'say how the running engine is', load: () => import('./status.ts') },
  {
    name: 'reload',
    summary: 'let the running engine read configuration and rules again',
    load: () => import('./reload.ts'),
  },
  {
    name: 'validate',
    summary: 'check rules and configuration; needs neither root nor kernel',
    load: () => import('./validate.ts'),
  },
  { name: 'rules', summary: 'describe and lay out rules', load: () => import('./rules.ts') },
  {
    name: 'list',
    summary: 'list fields, events, operators, outputs, metrics, errors',
    load: () => import('./list.ts'),
  },
  {
    name: 'explain',
    summary: 'explain a field, event, operator, rule key, option or error code',
    load: () => import('./explain.ts'),
  },
  {
    name: 'install-service',
    summary: 'write the systemd unit: supervised, hardened, with few capabilities',
    load: () => import('./install-service.ts'),
  },
  {
    name: 'doctor',
    summary: 'say what this machine can do, and what is missing',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'record',
    summary: 'record what the sensors see into a file',
    load: () => import('./record.ts'),
  },
  {
    name: 'replay',
    summary: 'run a recording through rules',
    load: () => import('./replay.ts'),
  },
  {
    name: 'diff',
    summary: 'say which alerts a change of rules adds and removes',
    load: () => import('./diff.ts'),
  },
  {
    name: 'learn',
    summary: 'propose exceptions and allow-lists from a recording',
    load: () => import('./learn.ts'),
  },
  {
    name: 'sigma',
    summary: 'check and convert Sigma rules',
    load: () => import('./sigma.ts'),
  },
  {
    name: 'why',
    summary: 'say why an alert was raised',
    load: () => import('./why.ts'),
  },
  {
    name: 'why-not',
    summary: 'say how a rule judges an event',
    load: () => import('./why-not.ts'),
  },
  {
    name: 'test',
    summary: 'run the cases of rules; say what no case would notice',
    load: () => import('./test.ts'),
  },
  { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
  {
    name: 'config',
    summary: 'print the configuration, its default and its schema',
    load: () => import('./config.ts'),
  },
  {
    name: 'deny',
    summary: 'refuse addresses, networks, files and programs, now and for a time',
    load: () => import('./deny.ts'),
  },
  {
    name: 'policy',
    summary: 'say what is refused, stop refusing, unload',
    load: () => import('./policy.ts'),
  },
  {
    name: 'audit',
    summary: 'query, verify, export and report on the audit',
    load: () => import('./audit.ts'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: () => import('./completion.ts'),
  },
  {
    name: '__complete',
    summary: 'candidates for completion',
    hidden: true,
    load: () => import('./complete.ts'),
  },
];
