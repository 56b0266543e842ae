//! The dissector, which takes anything apart and never gives up.

use dime_wire::dissect::{Node, dissect as take_apart, find_messages, find_signets};

/// Every piece lies in the input, and pieces of a piece within it.
pub fn dissect(input: &[u8]) {
    let root = take_apart(input);
    check(&root, input.len());
    let _ = root.problems();
}

fn check(node: &Node, size: usize) {
    use dime_wire::dissect::Value;
    assert!(node.range.start <= node.range.end, "{}", node.label);
    assert!(node.range.end <= size, "{}", node.label);
    let size = match node.value {
        Value::Decoded(decoded) => decoded,
        _ => size,
    };
    for child in &node.children {
        check(child, size);
    }
}

/// What is found lies in the input, in order.
pub fn find(input: &[u8]) {
    let mut behind = 0;
    for map in find_messages(input).maps {
        assert!(map.range.start >= behind);
        assert!(map.range.end <= input.len());
        behind = map.range.start;
        for chunk in &map.chunks {
            assert!(chunk.range.end <= input.len() && chunk.payload.end <= chunk.range.end);
            assert!(chunk.slots.iter().all(|slot| slot.end <= chunk.range.end));
        }
    }
    for map in find_signets(input).maps {
        assert!(map.range.end <= input.len());
        for field in &map.fields {
            assert!(field.range.end <= map.range.end && field.data.end <= field.range.end);
        }
    }
}
