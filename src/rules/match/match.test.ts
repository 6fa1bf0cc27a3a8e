import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddress, parseNetwork } from '../../engine/core/address.ts';
import { toBytes } from '../lang/bytes.ts';
import { compileGlob } from './glob.ts';
import { compileNetworks } from './networks.ts';
import { compilePaths } from './paths.ts';
import { compileRegex, requiredLiteral } from './regex.ts';

describe('globs', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['*', '', true],
    ['?', '', false],
    ['*.log', '/var/x.log', true],
    ['*.log', '.log', true],
    ['/var/*', '/var/a/b', true],
    ['a?c', 'a/c', true],
    ['[abc]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[!a-c]x', 'dx', true],
    ['[^a-c]x', 'ax', false],
    ['[]a]x', ']x', true],
    ['[a-]x', '-x', true],
    ['[[:digit:]_]x', '7x', true],
    ['[[:upper:]]x', 'ax', false],
    ['[abc', '[abc', true],
    ['\\*x', '*x', true],
    ['\\*x', 'ax', false],
    ['x\\', 'x\\', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['**a**', 'bab', true],
  ];
  for (const [pattern, value, expected] of cases) {
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(value)}`, () => {
      assert.equal(compileGlob(pattern)(value), expected);
    });
  }

  it('ignore the case of ASCII letters only, when told to', () => {
    assert.equal(compileGlob('*.PS1', true)('/x.ps1'), true);
    assert.equal(compileGlob('\xc3\xa9', true)('\xc3\x89'), false);
  });

  it('stay fast on hostile patterns', () => {
    const matches = compileGlob(`${'*a'.repeat(50)}b`);
    assert.equal(matches('a'.repeat(4096)), false);
  });
});

describe('path prefixes', () => {
  const cases: readonly (readonly [readonly string[], string, boolean])[] = [
    [['/opt/dir'], '/opt/dir', true],
    [['/opt/dir'], '/opt/dir/x/y', true],
    [['/opt/dir/'], '/opt//dir/x', true],
    [['/opt/dir'], '/opt/dir2', false],
    [['/opt/dir'], '/opt', false],
    [['/home/*/.ssh'], '/home/me/.ssh/id', true],
    [['/home/*/.ssh'], '/home/me/x/.ssh/id', false],
    [['/a/b', '/a/*/c'], '/a/b2/c', true],
    [['/a/b/x', '/a/*/c'], '/a/b/c', true],
    [['/'], '/anything', true],
    [['/'], 'relative', false],
    [[''], '/x', false],
    [[], '/x', false],
  ];
  for (const [paths, value, expected] of cases) {
    it(`${value} is ${expected ? '' : 'not '}under ${paths.join(', ') || 'nothing'}`, () => {
      assert.equal(compilePaths(paths)(value), expected);
    });
  }
});

describe('addresses', () => {
  it('are members of networks', () => {
    const inside = (networks: readonly string[], address: string): boolean =>
      compileNetworks(networks.map((text) => parseNetwork(text)!))(parseAddress(address)!);
    assert.equal(inside(['10.1.2.3/8'], '10.255.0.1'), true);
    assert.equal(inside(['10.0.0.0/8'], '11.0.0.1'), false);
    assert.equal(inside(['0.0.0.0/0'], '255.255.255.255'), true);
    assert.equal(inside(['1.2.3.4/32', '1.2.3.6/32'], '1.2.3.5'), false);
    assert.equal(inside(['1.2.3.4/31', '128.0.0.0/1'], '200.1.1.1'), true);
    assert.equal(inside(['0.0.0.0/0'], '::1'), false);
    assert.equal(inside(['fe80::/10', '::1/128'], 'febf::1'), true);
    assert.equal(inside(['2001:db8::/33'], '2001:db8:8000::'), false);
    assert.equal(inside(['::ffff:10.0.0.0/104'], '10.2.3.4'), true);
    assert.equal(inside([], '1.2.3.4'), false);
  });
});

describe('regular expressions', () => {
  const matches = (pattern: string, value: string): boolean => {
    const compiled = compileRegex(pattern);
    assert.ok(compiled.ok, pattern);
    return compiled.matches(value);
  };

  it('match the whole value', () => {
    assert.equal(matches('b', 'abc'), false);
    assert.equal(matches('a|ab|abc', 'abc'), true);
    assert.equal(matches('a.*c', 'a\nc'), true);
    assert.equal(matches('(a+)+', 'a'.repeat(5000)), true);
    assert.equal(matches('[[:alpha:]]+', 'abc'), true);
    for (const pattern of ['café?', 'café*', 'café{0,1}']) {
      assert.equal(matches(toBytes(pattern), 'caf'), true, pattern);
      assert.equal(matches(toBytes(pattern), toBytes('café')), true, pattern);
    }
  });

  it('are refused with a reason', () => {
    for (const pattern of ['(', '[a', '*', 'a{2,1}', '(a)\\1'])
      assert.equal(compileRegex(pattern).ok, false, pattern);
  });

  it('take bounded time on hostile patterns and values', () => {
    assert.equal(matches('(a*)*(b|a)*c', `${'a'.repeat(8000)}cb`), false);
  });

  it('know what every match contains', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['abc', 'abc'],
      ['ab.*xyz', 'xyz'],
      ['abc?', 'ab'],
      ['ab*c', 'a'],
      ['a+bcd', 'bcd'],
      ['ab{2}c', 'a'],
      ['x[abc]yz', 'yz'],
      ['(abc)d', 'd'],
      ['abc|d', ''],
      ['a\\.b', ''],
      ['(?i)abc', ''],
      ['[[:alpha:]]ab', ''],
    ];
    for (const [pattern, literal] of cases) assert.equal(requiredLiteral(pattern), literal, pattern);
  });
});
