import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Command, encodeCommand, signCommand, type Trust, verifyCommand } from './command.ts';
import { controlSubject, slug } from './subject.ts';

const NOW = new Date('2026-07-31T10:00:00Z');
const SECRET = 'a shared secret of some length';

const COMMAND: Command = {
  id: 'c-1',
  host: 'node-7',
  verb: 'deny',
  issuedAt: NOW,
  expiresAt: new Date('2026-07-31T10:05:00Z'),
  body: { add: [{ ip: '203.0.113.10', ttl_ms: 600_000 }] },
};
const SUBJECT = controlSubject('node-7', 'deny');
const TRUST: Trust = { secret: SECRET, nkeys: [] };

function verify(changes: {
  payload?: Buffer;
  header?: string | undefined;
  subject?: string;
  trust?: Trust;
  now?: Date;
}) {
  const payload = encodeCommand(COMMAND);
  const header = 'header' in changes ? changes.header : signCommand(SUBJECT, payload, { secret: SECRET });
  const { subject = SUBJECT, trust = TRUST, now = NOW } = changes;
  return verifyCommand(subject, changes.payload ?? payload, header, trust, now);
}

const refusal = (result: ReturnType<typeof verify>): string => ('refused' in result ? result.refused : '');

test('a command with a valid signature is taken as it was given', () => {
  assert.deepEqual(verify({}), { command: COMMAND });
});

test('a command is refused unless signature, subject and time all hold', () => {
  assert.match(refusal(verify({ header: undefined })), /not signed/);
  assert.match(refusal(verify({ header: 'hmac-sha256 AAAA' })), /not of anyone trusted/);
  assert.match(refusal(verify({ header: '' })), /not of anyone trusted/);
  assert.match(refusal(verify({ subject: controlSubject('node-8', 'deny') })), /not of anyone trusted/);
  assert.match(refusal(verify({ subject: controlSubject('node-7', 'allow') })), /not of anyone trusted/);
  assert.match(refusal(verify({ trust: { secret: 'other', nkeys: [] } })), /not of anyone trusted/);
  assert.match(refusal(verify({ trust: { secret: undefined, nkeys: [] } })), /not of anyone trusted/);
  assert.match(refusal(verify({ trust: { secret: '', nkeys: [] } })), /not of anyone trusted/);
  assert.match(refusal(verify({ now: new Date('2026-07-31T10:05:00Z') })), /expired/);
  assert.match(refusal(verify({ now: new Date('2026-07-31T09:58:00Z') })), /future/);
});

test('a signed payload that is no command is refused', () => {
  for (const text of ['', 'null', '[]', '{}', '{"v":2}', '{"v":1,"id":"","host":"h"}', '{"v":1,"id":3}']) {
    const payload = Buffer.from(text);
    const header = signCommand(SUBJECT, payload, { secret: SECRET });
    assert.match(refusal(verify({ payload, header })), /no command of version 1/, text);
  }
});

test('a change of any byte of the payload is noticed', () => {
  const payload = encodeCommand(COMMAND);
  const header = signCommand(SUBJECT, payload, { secret: SECRET });
  const property = fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
    const changed = Buffer.from(payload);
    changed[at] = (changed[at] ?? 0) ^ change;
    assert.match(refusal(verify({ payload: changed, header })), /not of anyone trusted/);
  });
  fc.assert(property, { numRuns: 100 });
});

test('an nkey signature counts only for the keys that are trusted', async () => {
  const { nkeys } = await import('nats');
  const pair = nkeys.createUser();
  const seed = Buffer.from(pair.getSeed()).toString('latin1');
  const publicKey = pair.getPublicKey();
  const payload = encodeCommand(COMMAND);
  const header = signCommand(SUBJECT, payload, { seed });
  assert.ok('command' in verify({ header, trust: { nkeys: [publicKey] } }));
  assert.match(refusal(verify({ header, trust: { nkeys: [] } })), /not of anyone trusted/);
  assert.match(refusal(verify({ header, trust: { secret: SECRET, nkeys: [] } })), /not of anyone trusted/);
  const [, , signature] = header.split(' ');
  const stranger = nkeys.createUser().getPublicKey();
  const forged = `nkey ${stranger} ${signature}`;
  assert.match(refusal(verify({ header: forged, trust: { nkeys: [stranger] } })), /not of anyone trusted/);
  assert.match(refusal(verify({ header: 'nkey x x', trust: { nkeys: ['x'] } })), /not of anyone trusted/);
});

test('any text becomes a token that NATS takes and that matches no other subject', () => {
  const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
    assert.match(slug(text), /^[a-z0-9_-]{1,64}$/);
  });
  fc.assert(property);
  assert.equal(slug('Write below /etc (T1222)'), 'write_below_etc_t1222');
  assert.equal(slug('*'), 'unknown');
});
