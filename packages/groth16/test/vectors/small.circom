// Made for the tests: two public inputs and an output, bits and products.
pragma circom 2.0.0;

template Bits(n) {
    signal input in;
    signal output out[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        sum += out[i] * (1 << i);
    }
    sum === in;
}

template Small(n) {
    signal input x;
    signal input key;
    signal input secrets[2][n];
    signal input small;
    signal output out;
    signal square[n];
    signal product[n];
    component bits = Bits(8);
    bits.in <== small;
    var sum = 0;
    for (var i = 0; i < n; i++) {
        square[i] <== secrets[0][i] * secrets[0][i];
        product[i] <== (square[i] + 7 * x) * (secrets[1][i] - bits.out[i]);
        sum += product[i];
    }
    out <== sum * key;
}

component main { public [x, key] } = Small(5);
