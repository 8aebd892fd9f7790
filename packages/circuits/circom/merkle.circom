pragma circom 2.1.0;

include "bits.circom";
include "poseidon2.circom";

// One level of a path: the parent of a node and its sibling, the node on the right if the bit is one.
template Level() {
    signal input node;
    signal input sibling;
    signal input bit;
    signal input key;
    signal output parent;

    signal left <== node + bit * (sibling - node);
    component compress = Compress();
    compress.left <== left;
    compress.right <== node + sibling - left;
    compress.key <== key;
    parent <== compress.out;
}

// A path through levels that are never the last of an odd row: the key tells the bottom row alone.
template FullPath(depth) {
    signal input leaf;
    signal input bits[depth];
    signal input siblings[depth];
    // nodes[i] is the ancestor i levels above the leaf.
    signal output nodes[depth + 1];

    component level[depth];
    nodes[0] <== leaf;
    for (var i = 0; i < depth; i++) {
        level[i] = Level();
        level[i].node <== nodes[i];
        level[i].sibling <== siblings[i];
        level[i].bit <== bits[i];
        level[i].key <== i == 0 ? 1 : 0;
        nodes[i + 1] <== level[i].parent;
    }
}

// The root of a tree of `count` leaves, 1 to 2^depth, that has `leaf` at `index` < count (10 §5).
template RootOfPath(depth) {
    assert(depth > 1);
    signal input leaf;
    signal input index;
    signal input count;
    signal input siblings[depth];
    signal output root;

    component place = Bits(depth);
    place.in <== index;
    component last = Bits(depth);
    last.in <== count - 1;

    // On a level, the node is the last of its row if its number is the number of the last leaf there, that is if all bits
    // from this one up are equal. It stands alone if that number is even. From the top down, `same` tells whether all bits
    // above are equal; where they are, a bit of the index above the bit of the last is an index out of range.
    signal alone[depth];
    signal both[depth - 1];
    var same = 1;
    for (var i = depth - 1; i >= 0; i--) {
        alone[i] <== same * (1 - last.bits[i]);
        alone[i] * place.bits[i] === 0;
        if (i > 0) {
            both[i - 1] <== (same - alone[i]) * place.bits[i];
            same = alone[i] + both[i - 1];
        }
    }

    // The tree has a level i above the bottom if the last leaf has a number of at least 2^i.
    signal reaches[depth];
    reaches[depth - 1] <== last.bits[depth - 1];
    for (var i = depth - 2; i > 0; i--) {
        reaches[i] <== reaches[i + 1] + last.bits[i] - reaches[i + 1] * last.bits[i];
    }
    reaches[0] <== 1;

    component level[depth];
    signal selected[depth];
    for (var i = 0; i < depth; i++) {
        level[i] = Level();
        level[i].sibling <== siblings[i];
        level[i].bit <== place.bits[i];
        level[i].key <== (i == 0 ? 1 : 0) + 2 * alone[i];
        if (i == 0) {
            level[i].node <== leaf;
            selected[i] <== level[i].parent;
        } else {
            level[i].node <== level[i - 1].parent;
            selected[i] <== selected[i - 1] + reaches[i] * (level[i].parent - level[i - 1].parent);
        }
    }
    root <== selected[depth - 1];
}
