import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { SeqTracker } from './seq-tracker.ts';

describe('SeqTracker', () => {
  it('says nothing while numbers follow each other', () => {
    const tracker = new SeqTracker(10);
    for (let seq = 0; seq < 100; seq++) tracker.seen(seq, seq * 10, seq);
    assert.deepEqual(tracker.expired(1e9), []);
  });

  it('reports a hole once, with the times around it', () => {
    const tracker = new SeqTracker(10);
    tracker.seen(0, 100, 0);
    tracker.seen(4, 200, 1);
    assert.deepEqual(tracker.expired(5), []);
    assert.deepEqual(tracker.expired(11), [{ count: 3, from: 100, to: 200 }]);
    assert.deepEqual(tracker.expired(1000), []);
  });

  it('forgives records that overtake each other', () => {
    const tracker = new SeqTracker(10);
    for (const seq of [2, 0, 1, 5, 4, 3]) tracker.seen(seq, seq, 0);
    assert.equal(tracker.open, 0);
    assert.deepEqual(tracker.expired(1e9), []);
    assert.equal(tracker.late, 0);
  });

  it('counts a record that comes after it was given up', () => {
    const tracker = new SeqTracker(10);
    tracker.seen(1, 1, 0);
    assert.equal(tracker.expired(20)[0]?.count, 1);
    tracker.seen(0, 0, 21);
    assert.equal(tracker.late, 1);
  });

  it('reports exactly the numbers that never came, whatever the order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 200 }), (order) => {
        const tracker = new SeqTracker(10);
        for (const seq of order) tracker.seen(seq, seq, 0);
        const lost = tracker.expired(100).reduce((sum, gap) => sum + gap.count, 0);
        assert.equal(lost, Math.max(...order) + 1 - order.length);
      }),
    );
  });

  it('keeps few holes at a time', () => {
    const tracker = new SeqTracker(1e9);
    for (let seq = 1; seq < 20_000; seq += 2) tracker.seen(seq, seq, 0);
    assert.ok(tracker.open <= 1024);
    const gaps = tracker.expired(1);
    assert.ok(gaps.length <= 1024);
    assert.equal(gaps.reduce((sum, gap) => sum + gap.count, 0) + tracker.open, 10_000);
  });
});

test('a loss at the end is found without a record behind it, and forgotten if the record comes after all', () => {
  const tracker = new SeqTracker(100);
  tracker.seen(0, 10, 0);
  tracker.expect(4, 0);
  tracker.expect(4, 50);
  tracker.seen(2, 30, 60);
  assert.deepEqual(
    tracker.expired(100).map((gap) => gap.count),
    [1, 1],
  );
  tracker.seen(4, 50, 200);
  assert.deepEqual(tracker.expired(1000), []);
  assert.equal(tracker.late, 0);
});
