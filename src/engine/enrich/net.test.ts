import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipBytes, LocalAddresses } from './interfaces.ts';
import { AddressNames } from './names.ts';
import { ipText, parseSockaddr, sockaddrText, unmapped } from './net.ts';

test('addresses are written as RFC 5952 says', () => {
  const texts = [
    '1.2.3.4',
    '::',
    '::1',
    '2001:db8::1',
    '2001:db8:0:1:1:1:1:1',
    'fe80::1:0:0:1',
    '1::',
    '::ffff:10.0.0.1',
  ];
  for (const text of texts) assert.equal(ipText(ipBytes(text)!), text);
  assert.equal(ipText(ipBytes('2001:0db8:0000:0000:0000:0000:0000:0001')!), '2001:db8::1');
});

test('text to bytes to text is stable', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const once = ipText(ipBytes(text)!);
      assert.equal(ipText(ipBytes(once)!), once);
      assert.equal(ipBytes(once), ipBytes(text));
    }),
  );
  for (const bad of ['', '1.2.3', '1.2.3.256', 'x', '1:2:3', '1:2:3:4:5:6:7:8:9', '12345::'])
    assert.equal(ipBytes(bad), undefined, bad);
});

test('an IPv4 address inside IPv6 is the IPv4 address', () => {
  assert.equal(unmapped(ipBytes('::ffff:10.0.0.1')!), ipBytes('10.0.0.1'));
  assert.equal(unmapped(ipBytes('::1')!), ipBytes('::1'));
});

test('socket addresses are taken apart by family', () => {
  const v4 = `\x02\x00\x01\xbb${ipBytes('203.0.113.10')}\0\0\0\0\0\0\0\0`;
  assert.deepEqual(parseSockaddr(v4), { family: 2, port: 443, ip: ipBytes('203.0.113.10') });
  assert.equal(sockaddrText(parseSockaddr(v4)!), '203.0.113.10:443');
  const v6 = `\x0a\x00\x00\x50\0\0\0\0${ipBytes('::1')}\0\0\0\0`;
  assert.equal(sockaddrText(parseSockaddr(v6)!), '::1:80');
  assert.equal(parseSockaddr('\x01\x00/run/x.sock\0junk')!.path, '/run/x.sock');
  assert.equal(parseSockaddr('\x01\x00\0name')!.path, '@name');
  assert.deepEqual(parseSockaddr('\x11\x00abc'), { family: 17 });
  assert.equal(parseSockaddr('\x02'), undefined);
  assert.deepEqual(parseSockaddr('\x02\x00\x01'), { family: 2 });
});

test('addresses of this host are known, loopback always', () => {
  const local = new LocalAddresses(() => [ipBytes('10.0.0.5')!]);
  assert.equal(local.has(ipBytes('10.0.0.5')!), true);
  assert.equal(local.has(ipBytes('10.0.0.6')!), false);
  assert.equal(local.has(ipBytes('127.3.2.1')!), true);
});

test('an address has the watched names that resolve to it', async () => {
  const answers: Record<string, string[]> = { 'a.example': ['10.0.0.1', '::1'], 'b.example': ['10.0.0.1'] };
  const asked: string[] = [];
  const names = new AddressNames(async (name) => {
    asked.push(name);
    const found = answers[name];
    if (found === undefined) throw new Error('ENOTFOUND');
    return found;
  });
  names.watch(['a.example', 'b.example', 'gone.example', '10.0.0.9', 'not a name', '']);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(names.of(ipBytes('10.0.0.1')!), ['a.example', 'b.example']);
  assert.deepEqual(names.of(ipBytes('::1')!), ['a.example']);
  assert.deepEqual(names.of(ipBytes('10.0.0.2')!), []);
  assert.deepEqual(asked.sort(), ['a.example', 'b.example', 'gone.example']);
  names.watch(['b.example']);
  assert.deepEqual(names.of(ipBytes('10.0.0.1')!), ['b.example']);
  names.close();
});
