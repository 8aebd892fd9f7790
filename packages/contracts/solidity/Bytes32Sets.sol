// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// A set of words that can be listed. Removal moves the last word into the gap.
library Bytes32Sets {
    struct Set {
        bytes32[] items;
        mapping(bytes32 => uint256) positions; // one more than the index; 0: not in the set
    }

    function add(Set storage set, bytes32 item) internal {
        if (set.positions[item] != 0) return;
        set.items.push(item);
        set.positions[item] = set.items.length;
    }

    function remove(Set storage set, bytes32 item) internal {
        uint256 position = set.positions[item];
        if (position == 0) return;
        uint256 last = set.items.length;
        if (position != last) {
            bytes32 moved = set.items[last - 1];
            set.items[position - 1] = moved;
            set.positions[moved] = position;
        }
        set.items.pop();
        delete set.positions[item];
    }
}
