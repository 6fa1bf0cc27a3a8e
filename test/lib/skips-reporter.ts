interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly file?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
  };
}

/** A node:test reporter that writes one JSON line per skipped test: what was skipped, and why. */
async function* skipsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const why = data.skip ?? data.todo;
    if (why !== undefined && why !== false)
      yield `${JSON.stringify({ name: data.name, reason: String(why) })}\n`;
  }
}

// biome-ignore lint/style/noDefaultExport: node:test loads a reporter by its default export
export default skipsReporter;
