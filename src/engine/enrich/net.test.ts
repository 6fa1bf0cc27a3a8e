import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../core/address.ts';
import { LocalAddresses } from './interfaces.ts';
import { AddressNames } from './names.ts';
import { parseSockaddr, sockaddrText } from './net.ts';

test('socket addresses are taken apart by family', () => {
  const v4 = `\x02\x00\x01\xbb${parseAddress('203.0.113.10')}\0\0\0\0\0\0\0\0`;
  assert.deepEqual(parseSockaddr(v4), { family: 2, port: 443, ip: parseAddress('203.0.113.10') });
  assert.equal(sockaddrText(parseSockaddr(v4)!), '203.0.113.10:443');
  const v6 = `\x0a\x00\x00\x50\0\0\0\0${parseAddress('::1')}\0\0\0\0`;
  assert.equal(sockaddrText(parseSockaddr(v6)!), '::1:80');
  assert.equal(parseSockaddr('\x01\x00/run/x.sock\0junk')!.path, '/run/x.sock');
  assert.equal(parseSockaddr('\x01\x00\0name')!.path, '@name');
  assert.deepEqual(parseSockaddr('\x11\x00abc'), { family: 17 });
  assert.equal(parseSockaddr('\x02'), undefined);
  assert.deepEqual(parseSockaddr('\x02\x00\x01'), { family: 2 });
});

test('addresses of this host are known, loopback always', () => {
  const local = new LocalAddresses(() => [parseAddress('10.0.0.5')!]);
  assert.equal(local.has(parseAddress('10.0.0.5')!), true);
  assert.equal(local.has(parseAddress('10.0.0.6')!), false);
  assert.equal(local.has(parseAddress('127.3.2.1')!), true);
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
  assert.deepEqual(names.of(parseAddress('10.0.0.1')!), ['a.example', 'b.example']);
  assert.deepEqual(names.of(parseAddress('::1')!), ['a.example']);
  assert.deepEqual(names.of(parseAddress('10.0.0.2')!), []);
  assert.deepEqual(asked.sort(), ['a.example', 'b.example', 'gone.example']);
  names.watch(['b.example']);
  assert.deepEqual(names.of(parseAddress('10.0.0.1')!), ['b.example']);
  names.close();
});
