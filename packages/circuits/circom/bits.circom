pragma circom 2.1.0;

// The n bits of a number below 2^n, the lowest first; n at most 253, so that the sum cannot wrap round.
template Bits(n) {
    assert(n < 254);
    signal input in;
    signal output bits[n];

    var sum = 0;
    for (var i = 0; i < n; i++) {
        bits[i] <-- (in >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
    }
    in === sum;
}

// The lowest n bits of the canonical integer (below r) of an element: what 11 §5.2 (4) wants of a full decomposition.
//
// The element is low + 2^n high, with low in n bits. It is canonical if high < floor(r / 2^n) = limit, for then the sum is
// below r as an integer. With 2^k the greatest power of two not above the limit, high is written as k bits and one more
// bit that weighs limit - 2^k: such sums are exactly the numbers below the limit, because limit < 2^(k+1). Some numbers can
// be written in two ways, which does no harm: high and low stay the same. So a range that is no power of two costs one
// boolean per bit, and no comparison.
//
// The r mod 2^n elements from 2^n limit to r - 1 have no representation. They are 2^(n - 254) of all; elements here are
// digests, so that nobody meets one.
template LowestBits(n) {
    signal input in;
    signal output bits[n];

    var limit = (-1) \ (1 << n);
    var k = 253 - n;
    assert(limit \ (1 << k) == 1);

    var low = 0;
    for (var i = 0; i < n; i++) {
        bits[i] <-- (in >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        low += bits[i] * (1 << i);
    }

    signal highest;
    signal high[k];
    highest <-- ((in >> n) >> k) & 1;
    highest * (highest - 1) === 0;
    var sum = highest * (limit - (1 << k));
    var rest = (in >> n) - highest * (limit - (1 << k));
    for (var i = 0; i < k; i++) {
        high[i] <-- (rest >> i) & 1;
        high[i] * (high[i] - 1) === 0;
        sum += high[i] * (1 << i);
    }
    in === low + sum * (1 << n);
}
