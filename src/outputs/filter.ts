import type { Alert } from '../engine/core/alert.ts';
import { parsePriority } from '../engine/core/priority.ts';
import type { QueueOptions } from './options.ts';

export type AlertPredicate = (alert: Alert) => boolean;

/** Makes a predicate of a condition's text; throws an AppError if the text is wrong. */
export type CompileCondition = (condition: string) => AlertPredicate;

/** The filter of one output; undefined if it lets everything pass. */
export function compileFilter(
  filter: QueueOptions['filter'],
  compileCondition: CompileCondition,
): AlertPredicate | undefined {
  const checks: AlertPredicate[] = [];
  const least = parsePriority(filter.minimum_priority) ?? 7;
  if (least < 7) checks.push((alert) => alert.priority <= least);
  if (filter.tags.length > 0) {
    const wanted = new Set(filter.tags);
    checks.push((alert) => alert.tags.some((tag) => wanted.has(tag)));
  }
  if (filter.condition !== undefined) checks.push(compileCondition(filter.condition));
  return checks.length === 0 ? undefined : (alert) => checks.every((check) => check(alert));
}
