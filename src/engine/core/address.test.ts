import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatAddress,
  isUnspecified,
  mask,
  parseAddress,
  parseNetwork,
  parseNetworkOrAddress,
  unmapped,
} from './address.ts';

const MAPPED = `${'\0'.repeat(10)}\xff\xff\x0a\0\0\x01`;

test('addresses are parsed to bytes, mapped IPv4 to four of them', () => {
  assert.equal(parseAddress('1.2.3.4'), '\x01\x02\x03\x04');
  assert.equal(parseAddress('255.0.0.255'), '\xff\0\0\xff');
  assert.equal(parseAddress('::ffff:1.2.3.4'), '\x01\x02\x03\x04');
  assert.equal(parseAddress('::FFFF:102:304'), '\x01\x02\x03\x04');
  assert.equal(parseAddress('::1'), `${'\0'.repeat(15)}\x01`);
  assert.equal(parseAddress('::'), '\0'.repeat(16));
  assert.equal(
    parseAddress('2001:db8:0:1:22:333:4444:ffff'),
    '\x20\x01\x0d\xb8\0\0\0\x01\0\x22\x03\x33\x44\x44\xff\xff',
  );
  assert.equal(parseAddress('64:ff9b::192.0.2.33'), parseAddress('64:ff9b::c000:221'));
  assert.equal(parseAddress('2001:0db8::0001'), parseAddress('2001:db8::1'));
});

test('what is no address, or not the same one to everybody, is refused', () => {
  const bad = [
    '',
    'x',
    'host',
    'abcd',
    'mail.example.org',
    '10',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
  ];
  const odd = ['010.1.1.1', '1.2.3.00', '1.2.3.04', '0x7f000001', '0x7f.0.0.1', '1e1.0.0.1', '+1.2.3.4'];
  const around = [' 1.2.3.4', '1.2.3.4\n', '1.2.3.4:80', '1.2.3.4/8', '[::1]', '::1/128', 'fe80::1%eth0'];
  const grouped = ['1:2:3', '1:2:3:4:5:6:7:8:9', '12345::', '1::2::3', ':', ':::', '1x::', '::-1', '::1.2.3'];
  const embedded = ['::ffff:010.1.1.1', '::ffff:1.2.3.256', '1.2.3.4::', '::1.2.3.4:5'];
  for (const text of [...bad, ...odd, ...around, ...grouped, ...embedded]) {
    assert.equal(parseAddress(text), undefined, text);
    assert.equal(parseNetwork(`${text}/8`), undefined, text);
  }
});

test('addresses are written as RFC 5952 says', () => {
  const texts = ['0.0.0.0', '1.2.3.4', '::', '::1', '1::', '2001:db8::1', 'fe80::1:0:0:1'];
  for (const text of [...texts, '2001:db8:0:1:1:1:1:1', '2001:db8::1:0:0:1'])
    assert.equal(formatAddress(parseAddress(text)!), text);
  assert.equal(formatAddress(parseAddress('2001:0DB8:0000:0000:0000:0000:0000:0001')!), '2001:db8::1');
  assert.equal(formatAddress(MAPPED), '::ffff:10.0.0.1');
});

test('text to bytes to text is stable', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), fc.ipV4()), (text) => {
      const bytes = parseAddress(text)!;
      const once = formatAddress(bytes);
      assert.equal(parseAddress(once), bytes);
      assert.equal(formatAddress(parseAddress(once)!), once);
    }),
  );
});

test('bytes to text to bytes too', () => {
  const byte = fc.oneof(fc.constant(0), fc.nat(255));
  fc.assert(
    fc.property(fc.array(byte, { minLength: 16, maxLength: 16 }), (bytes) => {
      const address = String.fromCharCode(...bytes);
      assert.equal(parseAddress(formatAddress(address)), unmapped(address));
    }),
  );
});

test('an IPv4 address inside IPv6 is the IPv4 address', () => {
  assert.equal(unmapped(MAPPED), '\x0a\0\0\x01');
  assert.equal(unmapped(parseAddress('::1')!), parseAddress('::1'));
});

test('networks have no bits beyond their prefix', () => {
  const shown = (text: string): string | undefined => {
    const network = parseNetwork(text);
    return network && `${formatAddress(network.address)}/${network.prefix}`;
  };
  assert.equal(shown('10.1.2.3/8'), '10.0.0.0/8');
  assert.equal(shown('10.1.2.3/0'), '0.0.0.0/0');
  assert.equal(shown('10.1.2.3/32'), '10.1.2.3/32');
  assert.equal(shown('2001:db8:ffff::/33'), '2001:db8:8000::/33');
  assert.equal(shown('::ffff:10.2.3.4/104'), '10.0.0.0/8');
  for (const text of ['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/x', '::/129', '::ffff:1.2.3.4/90'])
    assert.equal(parseNetwork(text), undefined, text);
  assert.deepEqual(parseNetworkOrAddress('10.1.2.3'), { address: '\x0a\x01\x02\x03', prefix: 32 });
  assert.deepEqual(parseNetworkOrAddress('10.1.2.3/8'), parseNetwork('10.0.0.0/8'));
  assert.equal(parseNetworkOrAddress('::1')?.prefix, 128);
  assert.equal(mask('\xff\xff\xff\xff', 12), '\xff\xf0\0\0');
});

test('an address of zeros alone is unspecified', () => {
  for (const text of ['0.0.0.0', '::']) assert.equal(isUnspecified(parseAddress(text)!), true, text);
  for (const text of ['0.0.0.1', '1.0.0.0', '::1'])
    assert.equal(isUnspecified(parseAddress(text)!), false, text);
});
