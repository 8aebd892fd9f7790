pragma circom 2.1.0;

include "constants.circom";

// The Poseidon2 permutation of three elements (10 §2.2): 80 S-boxes of three constraints each and nothing else.
//
// All linear layers are expressions, not signals. Written out, an S-box of the internal rounds would depend on all rounds
// before it, and constraints of sixty terms cost the prover time and the proving key space. So the internal rounds keep as
// their one signal neither an input nor an output of an S-box but the difference of the other two lanes, d = z - y. With
// d, d', d'' in three rounds that follow each other,
//     y = d' - 2d      z = d' - d      output of the S-box = d'' - 5d' + 5d      next input = 2d'' - 8d' + 7d
// and every constraint has a handful of terms.
template Permutation() {
    signal input in[3];
    signal output out[3];

    var external[24] = externalConstants();
    var internal[56] = internalConstants();
    signal square[80];
    signal fourth[80];
    signal fifth[24];
    signal difference[56];

    var box = 0;
    var sum = in[0] + in[1] + in[2];
    var state[3] = [in[0] + sum, in[1] + sum, in[2] + sum];

    for (var round = 0; round < 8; round++) {
        if (round == 4) {
            var x = state[0];
            var now = state[2] - state[1];
            var next = 2 * state[2] - state[1];
            for (var i = 0; i < 56; i++) {
                var entering = x + internal[i];
                square[box] <== entering * entering;
                fourth[box] <== square[box] * square[box];
                difference[i] <== fourth[box] * entering + 5 * next - 5 * now;
                x = 2 * difference[i] - 8 * next + 7 * now;
                now = next;
                next = difference[i];
                box++;
            }
            state = [x, next - 2 * now, next - now];
        }
        for (var lane = 0; lane < 3; lane++) {
            var entering = state[lane] + external[3 * round + lane];
            square[box] <== entering * entering;
            fourth[box] <== square[box] * square[box];
            fifth[3 * round + lane] <== fourth[box] * entering;
            box++;
        }
        sum = fifth[3 * round] + fifth[3 * round + 1] + fifth[3 * round + 2];
        state = [fifth[3 * round] + sum, fifth[3 * round + 1] + sum, fifth[3 * round + 2] + sum];
    }

    for (var lane = 0; lane < 3; lane++) out[lane] <== state[lane];
}

// Two to one; the key is the third lane (10 §2.3).
template Compress() {
    signal input left;
    signal input right;
    signal input key;
    signal output out;

    component permutation = Permutation();
    permutation.in[0] <== left;
    permutation.in[1] <== right;
    permutation.in[2] <== key;
    out <== permutation.out[0];
}

// The third lane in which a sponge of rate 2 begins (10 §3).
function spongeStart() {
    return (1 << 64) + 256 * 3 + 2;
}

// The digest of n elements at rate 2; the padding is a one, and a zero if that leaves an odd number (10 §3).
template Sponge(n) {
    signal input data[n];
    signal output digest;

    var blocks = n \ 2 + 1;
    component permutation[blocks];
    var state[3] = [0, 0, spongeStart()];
    for (var block = 0; block < blocks; block++) {
        permutation[block] = Permutation();
        for (var lane = 0; lane < 2; lane++) {
            var at = 2 * block + lane;
            var element = 0;
            if (at < n) element = data[at];
            if (at == n) element = 1;
            permutation[block].in[lane] <== state[lane] + element;
        }
        permutation[block].in[2] <== state[2];
        for (var lane = 0; lane < 3; lane++) state[lane] = permutation[block].out[lane];
    }
    digest <== state[0];
}
