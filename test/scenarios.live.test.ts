import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LiveEngine, liveSkip } from './lib/engine.ts';
import { differences, loadScenarios, performScenario, SESSION_FIELD } from './lib/scenario.ts';

const skip = liveSkip();

for (const file of loadScenarios()) {
  describe(`${file.file}: ${file.note}`, { skip }, () => {
    let engine: LiveEngine;
    before(async () => {
      const { rules } = file;
      engine = await LiveEngine.start({
        config: { ...SESSION_FIELD, ...file.config },
        ...(rules && { rules }),
      });
    });
    after(async () => {
      assert.equal(await engine?.stop(), 0);
    });
    for (const scenario of file.scenarios) {
      test(scenario.name, async () => {
        const alerts = await performScenario(engine, scenario);
        assert.deepEqual(differences(alerts, scenario.expect), [], JSON.stringify(alerts, null, 1));
      });
    }
  });
}
