import { PRIORITIES } from '../../engine/core/priority.ts';
import type { Anchor } from './anchor.ts';

/** The rule name of the alert that takes an anchor to the other outputs. */
export const ANCHOR_RULE = 'Ringfence internal: audit anchor';
/** What stands before the anchor in the text of that alert. */
export const ANCHOR_TEXT = 'Audit anchor ';

type Fields = Readonly<Record<string, unknown>>;

/**
 * An anchor out of a line: by itself, in a line of the engine's log, or in its alert in any format, also behind what a
 * collector of logs puts in front. Alerts hold text that anybody can write: an anchor counts only where the engine
 * itself puts one, or an unprivileged user could make a sound audit look broken.
 */
export function parseAnchor(line: string): Anchor | undefined {
  const start = line.indexOf('{');
  if (start < 0) return undefined;
  const front = line.slice(0, start);
  const record = objectOf(line.slice(start));
  if (record && COLLECTED.test(front) && !ALERT_TEXT.test(front)) return fromRecord(record);
  if (!WRITTEN.some((form) => form.test(front))) return undefined;
  // Quotes are escaped in some of the texts.
  const text = ANCHOR.exec(line.slice(start).replaceAll('\\"', '"'))?.[0] ?? '';
  return asAnchor(objectOf(text));
}

const ANCHOR = /^\{"v":1,[^{}]*\}/;
/** Where an alert as text begins: what comes behind it may be anybody's. */
const ALERT_TEXT = new RegExp(
  `CEF:0|\\d\\d:\\d\\d:\\d\\d\\.\\d+(?:\\+0000)?:? +(?:${PRIORITIES.join('|')})\\b`,
);
const NOT_YET = `(?:(?!${ALERT_TEXT.source}).)*`;
/** Nothing, or what a collector puts in front. */
const COLLECTED = /(?:^|[\s\]>])$/;
/** What stands before an anchor that the engine has written as text. */
const WRITTEN: readonly RegExp[] = [
  new RegExp(`^${NOT_YET}\\binfo +audit anchor +(?:component=\\w+ +)?anchor=$`),
  new RegExp(`^${NOT_YET}\\d\\d:\\d\\d:\\d\\d\\.\\d+(?:\\+0000)?: Informational ${ANCHOR_TEXT}$`),
  new RegExp(`^${NOT_YET}\\d\\d:\\d\\d:\\d\\d\\.\\d+ +Informational +${ANCHOR_RULE}: ${ANCHOR_TEXT}$`),
  new RegExp(`^${NOT_YET}CEF:0\\|Ringfence\\|Ringfence\\|[^|]*\\|${ANCHOR_RULE}\\|`),
];

function fromRecord(record: Fields): Anchor | undefined {
  const { msg, anchor, MESSAGE: journal, log: container } = record;
  for (const inner of [journal, container])
    if (typeof inner === 'string') return parseAnchor(inner.trimEnd());
  if (msg === 'audit anchor') return asAnchor(anchor);
  return isAnchorAlert(record) ? asAnchor(objectOf(textOf(record))) : asAnchor(record);
}

/** In the formats of Falco, CloudEvents, ECS and OCSF. */
function isAnchorAlert({ rule, subject, finding_info: finding }: Fields): boolean {
  const names = [rule, subject, member(rule, 'name'), member(finding, 'title')];
  return names.includes(ANCHOR_RULE);
}

function textOf({ output, message, data }: Fields): string {
  const text = [output, message, member(data, 'output'), member(data, 'message')].find(
    (value) => typeof value === 'string' && value.includes(ANCHOR_TEXT),
  );
  const rest = String(text).split(ANCHOR_TEXT)[1] ?? '';
  return ANCHOR.exec(rest.replaceAll('\\"', '"'))?.[0] ?? '';
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined;
}

function objectOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function asAnchor(value: unknown): Anchor | undefined {
  const { v, chain, hash, seq } = (value ?? {}) as Partial<Anchor>;
  const whole = v === 1 && typeof chain === 'string' && typeof hash === 'string' && Number.isSafeInteger(seq);
  return whole ? (value as Anchor) : undefined;
}
