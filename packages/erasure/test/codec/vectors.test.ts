import { describe, expect, it } from 'vitest';
import { allCodecs, encode, leopardVectors, patternShards, seededShards, sha256 } from './shapes.ts';

/** 02 §6: K, M, shard size, SHA-256 of the parity shards, first bytes of the first. */
const TABLE = [
  [2, 1, 64, 'cbe9b51e306b78d66f1ef6455709072e2f2508c022c5d09f448a903d009d6f46', '2120272665647b6a'],
  [2, 2, 64, '80ccb7e48c95a80acea3f2e8eee67952a994bc8233585f2d9d7967538897d8c9', '33382c27b5be95a4'],
  [3, 2, 64, 'a9aeff09ef491f3fce1e6dc1fe17f00a70c3a38c36d80a30f16f2e9870d8d34e', '1a15565b104d3e58'],
  [4, 2, 64, 'fc0481a5220a1971ca49e41e8aabb44e7332038b14967b3cb96b9a1f27ec83ca', 'dadad9609871422b'],
  [5, 3, 64, 'a746a6e65e251b644e89dd52b36ee82503b6e38a448e8882b27aed9c6f73e70b', '3e3ac992c728e46e'],
  [10, 5, 128, '4c77c0c82ef801b2444323967316b38c11581175de847e005332790812dcae57', '76800fe06e6e4e2e'],
  [20, 10, 1024, '4126a1836526468481238e9d8718cc738585a96adfcdae3ac66ab49e9c485961', '8dcd79b372e53442'],
  [200, 32, 64, '7062d1b929fd9deca9abb26df0b98040fb15308a804872284a28b7fbd95f5713', 'f463321aa581f6c3'],
  [300, 10, 64, 'e24e1e2d70d9aaa26cb7ff52d768b194fb4a3862ec7ae572295a3a82d1aaa9a8', 'ac2d1c389ff0821f'],
] as const;

describe.each(allCodecs)('%s', (_, make) => {
  it.each(TABLE)('encodes %i+%i of %i bytes as the library does', (data, parity, shardBytes, hash, first) => {
    const shards = encode(make({ data, parity }), patternShards(data, shardBytes));
    expect(Buffer.from(shards[0]!.subarray(0, 8)).toString('hex')).toBe(first);
    expect(sha256(...shards)).toBe(hash);
  });

  it.each(leopardVectors.map((vector) => [vector.seed, vector] as const))('encodes %s as the library does', (_, v) => {
    const shards = encode(make({ data: v.k, parity: v.m }), seededShards(v.seed, v.k, v.shardSize));
    if (v.parityHex) expect(Buffer.concat(shards).toString('hex')).toBe(v.parityHex.join(''));
    if (v.paritySha256) expect(shards.map((shard) => sha256(shard))).toEqual(v.paritySha256);
    expect(sha256(...shards)).toBe(v.parityAllSha256);
  });
});
