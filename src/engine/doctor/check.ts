/** `unknown`: it could not be found out, which is neither good nor bad news. */
export type Status = 'ok' | 'warn' | 'fail' | 'unknown';

export interface Finding {
  readonly status: Status;
  /** What is there. */
  readonly found: string;
  /** What is needed, where it is not. */
  readonly need?: string;
  /** What to do about it. */
  readonly advice?: string;
  /** The reason of a failure is a missing permission or the kernel, not something on this machine to mend. */
  readonly denied?: boolean;
}

/** One row of the doctor: what is looked at, and how. A check never throws and never changes anything. */
export interface Check {
  readonly name: string;
  readonly title: string;
  readonly run: () => Finding | Promise<Finding>;
}

export interface Report extends Finding {
  readonly name: string;
  readonly title: string;
}

/** Runs the checks one after the other. */
export async function examine(checks: readonly Check[]): Promise<Report[]> {
  const reports: Report[] = [];
  for (const { name, title, run } of checks) {
    try {
      reports.push({ name, title, ...(await run()) });
    } catch (error) {
      reports.push({ name, title, status: 'unknown', found: (error as Error).message });
    }
  }
  return reports;
}

/** 0: nothing fails; 5: a failure that permissions or the kernel cause; 4: another failure. */
export function exitCodeOf(reports: readonly Report[]): 0 | 4 | 5 {
  const failed = reports.filter((report) => report.status === 'fail');
  if (failed.length === 0) return 0;
  return failed.some((report) => report.denied) ? 5 : 4;
}
