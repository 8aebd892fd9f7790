pragma circom 2.1.0;

include "bits.circom";
include "merkle.circom";
include "poseidon2.circom";

// The cells of a slot: 2^e of them, with minimum <= e <= maximum. `has[j]` is one if e = minimum + j, else zero.
template SlotSize(minimum, maximum) {
    signal input cells;
    signal output has[maximum - minimum + 1];

    var ones = 0;
    var sum = 0;
    for (var j = 0; j <= maximum - minimum; j++) {
        has[j] <-- cells == (1 << (minimum + j)) ? 1 : 0;
        has[j] * (has[j] - 1) === 0;
        ones += has[j];
        sum += has[j] * (1 << (minimum + j));
    }
    ones === 1;
    cells === sum;
}

// One sampled cell: the bits of its index from the challenge, its digest, and its ancestors in the tree over blocks.
template SampledCell(maxDepth, blockTreeDepth, nFieldElemsPerCell) {
    var upper = maxDepth - blockTreeDepth;
    signal input challenge;
    signal input cell[nFieldElemsPerCell];
    signal input path[maxDepth - 1];
    // Of the index of the block in the slot; those above the height of the slot's tree mean nothing.
    signal output blockBits[upper];
    // nodes[i] is i levels above the digest of the block.
    signal output nodes[upper];

    component index = LowestBits(maxDepth);
    index.in <== challenge;
    component leaf = Sponge(nFieldElemsPerCell);
    leaf.data <== cell;

    component block = FullPath(blockTreeDepth);
    block.leaf <== leaf.digest;
    for (var i = 0; i < blockTreeDepth; i++) {
        block.bits[i] <== index.bits[i];
        block.siblings[i] <== path[i];
    }

    component above = FullPath(upper - 1);
    above.leaf <== block.nodes[blockTreeDepth];
    for (var i = 0; i < upper - 1; i++) {
        above.bits[i] <== index.bits[blockTreeDepth + i];
        above.siblings[i] <== path[blockTreeDepth + i];
    }
    for (var i = 0; i < upper; i++) blockBits[i] <== index.bits[blockTreeDepth + i];
    nodes <== above.nodes;
}

// The statement of 11 §5.2: whoever makes this proof has, of the dataset with this root, the cells of the slot with this
// index that the entropy picks. The README tells where it is shorter than the statement, and why that is sound.
template SampleAndProve(maxDepth, maxLog2NSlots, blockTreeDepth, nFieldElemsPerCell, nSamples) {
    var upper = maxDepth - blockTreeDepth;
    assert(blockTreeDepth > 0 && upper > 1);
    // The numbers of the cells of a slot and of samples must be far from r.
    assert(maxDepth < 64 && nSamples > 0 && nSamples < 128);

    signal input entropy;
    signal input dataSetRoot;
    signal input slotIndex;

    signal input slotRoot;
    signal input nCellsPerSlot;
    signal input nSlotsPerDataSet;
    signal input slotProof[maxLog2NSlots];
    signal input cellData[nSamples][nFieldElemsPerCell];
    signal input merklePaths[nSamples][maxDepth];

    component dataset = RootOfPath(maxLog2NSlots);
    dataset.leaf <== slotRoot;
    dataset.index <== slotIndex;
    dataset.count <== nSlotsPerDataSet;
    dataset.siblings <== slotProof;
    dataset.root === dataSetRoot;

    component size = SlotSize(blockTreeDepth, maxDepth);
    size.cells <== nCellsPerSlot;
    // The tree over blocks has a row of at least two nodes, i levels above the bottom.
    var reaches[upper];
    for (var i = upper - 1; i >= 0; i--) {
        reaches[i] = size.has[i + 1];
        if (i + 1 < upper) reaches[i] += reaches[i + 1];
    }

    // The counter of the sample is the third element of the sponge, so the first block of two is the same for all samples.
    component seed = Permutation();
    seed.in[0] <== entropy;
    seed.in[1] <== slotRoot;
    seed.in[2] <== spongeStart();

    component challenge[nSamples];
    component sampled[nSamples];
    for (var c = 0; c < nSamples; c++) {
        challenge[c] = Permutation();
        challenge[c].in[0] <== seed.out[0] + c + 1;
        challenge[c].in[1] <== seed.out[1] + 1;
        challenge[c].in[2] <== seed.out[2];

        sampled[c] = SampledCell(maxDepth, blockTreeDepth, nFieldElemsPerCell);
        sampled[c].challenge <== challenge[c].out[0];
        sampled[c].cell <== cellData[c];
        for (var i = 0; i < maxDepth - 1; i++) sampled[c].path[i] <== merklePaths[c][i];
    }

    // For every sample the highest bit of the index of its block: one product a level for all samples, whose bits are one
    // number. A slot of one block has none, and gets zeros.
    signal packed[upper];
    for (var i = 0; i < upper; i++) {
        var lower = 0;
        var here = 0;
        for (var c = 0; c < nSamples; c++) {
            here += sampled[c].blockBits[i] * (1 << c);
            if (i > 0) lower += sampled[c].blockBits[i - 1] * (1 << c);
        }
        if (i == 0) {
            packed[i] <== reaches[i] * here;
        } else {
            packed[i] <== packed[i - 1] + reaches[i] * (here - lower);
        }
    }
    component side = Bits(nSamples);
    side.in <== packed[upper - 1];

    // For every sample its ancestor one level under the root of the slot.
    signal selected[nSamples][upper];
    for (var c = 0; c < nSamples; c++) {
        selected[c][0] <== sampled[c].nodes[0];
        for (var i = 1; i < upper; i++) {
            selected[c][i] <== selected[c][i - 1] + reaches[i] * (sampled[c].nodes[i] - sampled[c].nodes[i - 1]);
        }
    }

    // The two nodes under the root are the same for all samples, so they are hashed once. The witness has them from the path
    // of the first sample.
    var siblingOfFirst = 0;
    for (var i = 0; i < upper; i++) {
        siblingOfFirst += (reaches[i] - (i + 1 < upper ? reaches[i + 1] : 0)) * merklePaths[0][blockTreeDepth + i];
    }
    signal left;
    signal right;
    left <-- side.bits[0] == 0 ? selected[0][upper - 1] : siblingOfFirst;
    right <-- side.bits[0] == 0 ? siblingOfFirst : selected[0][upper - 1];
    for (var c = 0; c < nSamples; c++) {
        selected[c][upper - 1] === left + side.bits[c] * (right - left);
    }

    // A slot of one block: the bottom row, a lone node (key 3). Of two: the bottom row (key 1).
    component top = Compress();
    top.left <== left;
    top.right <== right;
    top.key <== 3 * size.has[0] + size.has[1];
    top.out === slotRoot;
}
