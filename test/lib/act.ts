import { readFileSync } from 'node:fs';
import { perform, type Step } from './actor.ts';

// Does the steps given as JSON on standard input, as a process of its own. Not as an argument: rules look at those.
for (const step of JSON.parse(readFileSync(0, 'utf8')) as Step[]) await perform(step);
