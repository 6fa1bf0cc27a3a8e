import { perform, type Step } from './actor.ts';

// Does the steps given as JSON on the command line, as a process of its own: `node act.js '[{"open":"/etc/passwd"}]'`.
for (const step of JSON.parse(process.argv[2] ?? '[]') as Step[]) await perform(step);
