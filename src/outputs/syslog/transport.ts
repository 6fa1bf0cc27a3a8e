/** Carries finished messages to a receiver. Connects when first used and again after a failure. */
export interface Transport {
  /** The most bytes that one message may have. */
  readonly maxBytes: number;
  send(messages: readonly Buffer[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
