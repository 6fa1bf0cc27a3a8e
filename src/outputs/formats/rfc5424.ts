import type { Alert } from '../../engine/core/alert.ts';
import { escapeForTerminal } from './text.ts';
import { rfc3339Micro } from './time.ts';

/** Facilities by name; the index is the number. */
export const FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['ntp', 'security', 'console', 'clock'],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const;

export interface SyslogOptions {
  readonly facility: string;
  readonly appName: string;
  readonly processId: string;
  /** Structured data `ringfence@number` with the alert's identity. */
  readonly structuredData: boolean;
  readonly enterpriseNumber: number;
}

/** 32473 is the number reserved for examples: there is no registered one yet. */
export const SYSLOG_DEFAULTS: SyslogOptions = {
  facility: 'user',
  appName: 'ringfence',
  processId: '-',
  structuredData: true,
  enterpriseNumber: 32473,
};

const pri = (alert: Alert, facility: string): number =>
  Math.max(0, (FACILITIES as readonly string[]).indexOf(facility)) * 8 + alert.priority;

/** A header field: printable ASCII without blanks, so long; `-` if nothing is left. */
function token(text: string, max: number): string {
  return text.replace(/[^\x21-\x7e]+/g, '_').slice(0, max) || '-';
}

const paramValue = (text: string): string => escapeForTerminal(text).replace(/["\\\]]/g, '\\$&');

/** A message of RFC 5424 around a text. */
export function rfc5424(alert: Alert, message: string, options: SyslogOptions): string {
  const header = [
    `<${pri(alert, options.facility)}>1`,
    rfc3339Micro(alert.timeNs),
    token(alert.hostname, 255),
    token(options.appName, 48),
    token(options.processId, 128),
    token(alert.rule, 32),
    options.structuredData ? structuredData(alert, options.enterpriseNumber) : '-',
  ];
  return `${header.join(' ')} ${message}`;
}

function structuredData(alert: Alert, enterpriseNumber: number): string {
  const params: readonly (readonly [string, string])[] = [
    ['uuid', alert.uuid],
    ['rule', alert.rule],
    ['source', alert.source],
    ['guarantee', alert.guarantee],
    ['tier', alert.tier],
    ['bootId', alert.bootId],
    ['policyGeneration', String(alert.policyGeneration)],
    ['tags', alert.tags.join(',')],
  ];
  const text = params.map(([name, value]) => `${name}="${paramValue(value)}"`).join(' ');
  return `[ringfence@${enterpriseNumber} ${text}]`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** The form that the socket /dev/log takes: RFC 3164 without a host, in local time. */
export function rfc3164Local(alert: Alert, message: string, options: SyslogOptions): string {
  const date = new Date(Number(alert.timeNs / 1_000_000n));
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = String(date.getDate()).padStart(2, ' ');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const tag = `${token(options.appName, 32)}[${token(options.processId, 16)}]`;
  return `<${pri(alert, options.facility)}>${MONTHS[date.getMonth()]} ${day} ${time} ${tag}: ${message}`;
}
