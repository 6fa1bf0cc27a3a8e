import type { Alert } from '../../engine/core/alert.ts';
import { PRIORITIES } from '../../engine/core/priority.ts';

const ROOT = 'ringfence.v1';
const TOKEN_MAX = 64;

/** All alerts of all hosts. */
export const ALERT_SUBJECTS = `${ROOT}.alert.>`;

/** One token of a subject: lower case letters, digits, `-` and `_`; never empty, never a wildcard. */
export function slug(text: string): string {
  const token = text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, TOKEN_MAX);
  return token || 'unknown';
}

/** `ringfence.v1.alert.<host>.<priority>.<rule>` */
export function alertSubject(alert: Alert): string {
  return `${ROOT}.alert.${slug(alert.hostname)}.${slug(PRIORITIES[alert.priority])}.${slug(alert.rule)}`;
}

/** A filter for alerts; `*` stands for anything. */
export function alertFilter(host: string, priority = '*', rule = '*'): string {
  const token = (text: string): string => (text === '*' ? '*' : slug(text));
  return `${ROOT}.alert.${token(host)}.${token(priority)}.${token(rule)}`;
}

/** Commands to one host, or with `*` to all of them. */
export function controlSubject(host: string, verb: string): string {
  return `${ROOT}.control.${host === '*' ? 'all' : slug(host)}.${slug(verb)}`;
}
