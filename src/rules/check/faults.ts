/** What is wrong or doubtful in a condition, with its place. */

export interface Fault {
  /** `unknown`: a field or event that this engine does not have; skip-if-unknown-filter forgives it. */
  readonly kind: 'unknown' | 'type';
  readonly message: string;
  readonly help?: string;
  /** Byte offset in the condition of `macro`, or of the rule itself. */
  readonly at: number;
  readonly macro?: string;
}

/** Collects faults and hints of one condition or macro. */
export class FaultLog {
  readonly faults: Fault[] = [];
  readonly hints: Fault[] = [];
  private readonly macro: string | undefined;

  constructor(macro: string | undefined) {
    this.macro = macro;
  }

  protected fault(kind: Fault['kind'], message: string, at: number, help?: string): undefined {
    this.faults.push(this.located(kind, message, at, help));
    return undefined;
  }

  protected hint(message: string, at: number, help?: string): void {
    this.hints.push(this.located('type', message, at, help));
  }

  private located(kind: Fault['kind'], message: string, at: number, help: string | undefined): Fault {
    return {
      kind,
      message,
      at,
      ...(help === undefined ? {} : { help }),
      ...(this.macro === undefined ? {} : { macro: this.macro }),
    };
  }
}
