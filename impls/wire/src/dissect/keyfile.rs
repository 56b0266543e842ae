//! Key files, plain and encrypted. Where secrets lie is told, what they are is not.

use super::{Node, Value, cut, length, length_node};

/// Bytes of a plain key file's header.
const HEADER: usize = 5;
/// Bytes of an encrypted key file's header.
const ENCRYPTED_HEADER: usize = 6;
/// Bytes of a secret key of either sort.
const SECRET: usize = 32;
/// Bytes of the vector shard and of the tag of an encrypted key file.
const BLOCK: usize = 16;
/// Bytes of the ciphertext of an encrypted key file, to which the keys are padded in either profile.
const CIPHERTEXT: usize = 80;

/// A plain key file: a signing key in field 1, an encryption key in field 2 or 3.
pub(super) fn node(bytes: &[u8], magic: u64) -> Node {
    let (label, encryption) = match magic {
        1952 => ("organization keys", 3),
        _ => ("user keys", 2),
    };
    let mut root = Node::new(label, 0..bytes.len(), Value::None);
    root.children
        .push(Node::new("magic", 0..2, Value::Number(magic)));
    let Some(declared) = length_node(bytes, 2, 3) else {
        return root.with_problem("header is cut off");
    };
    root.children.push(declared);
    let mut at = HEADER;
    for (id, what) in [(1, "signing key"), (encryption, "encryption key")] {
        let Some((node, next)) = secret(bytes, at, id, what) else {
            break;
        };
        root.children.push(node);
        at = next;
    }
    let fields = root.children.len() - 2;
    if at < bytes.len() {
        let rest = Node::new("rest", at..bytes.len(), Value::Bytes);
        root.children.push(rest.with_problem("not a key"));
    } else if fields < 2 {
        root = root.with_problem("a key is missing");
    }
    root
}

/// The secret of this field, if it begins at `at`, and where it ends.
fn secret(bytes: &[u8], at: usize, id: u8, what: &str) -> Option<(Node, usize)> {
    if *bytes.get(at)? != id {
        return None;
    }
    // The signing key's length has one byte; the other's has two in the older form.
    let width = if id == 1 || bytes.get(at + 1) != Some(&0) {
        1
    } else {
        2
    };
    let size = length(bytes, at + 1, width)?;
    let (data, short) = cut(at + 1 + width, size, bytes.len());
    let end = data.end;
    let mut node = Node::new(format!("field {id} ({what})"), at..end, Value::None);
    node.children.push(Node::new("secret", data, Value::Bytes));
    let problem = if short {
        Some("cut off".to_owned())
    } else {
        (size != SECRET).then(|| format!("{size} bytes are no key"))
    };
    Some((node.with_problem_if(problem), end))
}

/// An encrypted key file (spec/70 §2): vector shard, masked tag, ciphertext.
pub(super) fn encrypted_node(bytes: &[u8], magic: u64) -> Node {
    let label = match magic {
        1947 => "encrypted organization keys",
        _ => "encrypted user keys",
    };
    let mut root = Node::new(label, 0..bytes.len(), Value::None);
    root.children
        .push(Node::new("magic", 0..2, Value::Number(magic)));
    let Some(declared) = length_node(bytes, 2, 4) else {
        return root.with_problem("header is cut off");
    };
    root.children.push(declared);
    let mut at = ENCRYPTED_HEADER;
    for what in ["vector shard", "tag"] {
        let (range, short) = cut(at, BLOCK, bytes.len());
        at = range.end;
        let node = Node::new(what, range, Value::Bytes);
        let problem = short.then(|| "cut off".to_owned());
        root.children.push(node.with_problem_if(problem));
    }
    let contents = at..bytes.len();
    let size = contents.len();
    let node = Node::new("ciphertext", contents, Value::Bytes);
    let problem = (size != CIPHERTEXT).then(|| format!("{size} bytes are not two keys"));
    root.children.push(node.with_problem_if(problem));
    root
}
