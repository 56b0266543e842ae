//! Signets and signing requests as trees. Behind damage the walk goes on at the next place from which
//! known fields in order reach exactly to the end.

use std::ops::Range;

use super::fields::{FieldMap, HEADER, ORGANIZATION, REQUEST, field_at, field_name, repeats};
use super::{MAXIMUM_PIECES, Node, Value, length, length_node, text_or_bytes};

/// Fields that may be looked at while a signet is walked over, and the same for each of its bytes: in
/// damage nearly every byte is tried as the beginning of a field or two.
const STEPS: usize = 1 << 20;
const STEPS_PER_BYTE: usize = 4;

/// A signet or signing request as a tree.
pub(super) fn node(bytes: &[u8], magic: u64) -> Node {
    let label = match magic {
        ORGANIZATION => "organization signet",
        REQUEST => "signet signing request",
        _ => "user signet",
    };
    let mut root = Node::new(label, 0..bytes.len(), Value::None);
    root.children
        .push(Node::new("magic", 0..2, Value::Number(magic)));
    let Some(declared) = length_node(bytes, 2, 3) else {
        return root.with_problem("header is cut off");
    };
    root.children.push(declared);
    let size = length(bytes, 2, 3).unwrap_or_default();
    let mut walk = Walk {
        bytes,
        magic,
        end: bytes.len(),
        steps: STEPS.max(STEPS_PER_BYTE * bytes.len()),
        width: None,
        previous: 0,
    };
    // What stands behind the declared end is not taken for fields, unless it completes them.
    let declared_end = HEADER.saturating_add(size).min(bytes.len());
    walk.end = declared_end;
    if !walk.clean(HEADER) {
        walk.end = bytes.len();
        if !walk.clean(HEADER) {
            walk.end = declared_end;
        }
    }
    root.children.extend(walk.nodes());
    if walk.end < bytes.len() {
        let rest = Node::new("rest", walk.end..bytes.len(), Value::Bytes);
        root.children
            .push(rest.with_problem("behind the declared end"));
    }
    root
}

/// A walk over the fields of a signet.
#[derive(Clone)]
struct Walk<'a> {
    bytes: &'a [u8],
    magic: u64,
    end: usize,
    steps: usize,
    /// Bytes of the lengths of encryption keys, once one has been seen.
    width: Option<usize>,
    /// The id of the field before.
    previous: u8,
}

impl Walk<'_> {
    fn nodes(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut at = HEADER;
        while at < self.end {
            if nodes.len() == MAXIMUM_PIECES || self.steps == 0 {
                nodes.push(damage(at..self.end, "too much to take apart"));
                break;
            }
            self.steps = self.steps.saturating_sub(1);
            let before = self.width;
            let Some(field) = self.field(at) else {
                self.width = before;
                at = self.go_on(at, &mut nodes, "not a complete field");
                continue;
            };
            let problem = self.problem(&field);
            if problem.is_some() && !self.leads_on(&field) {
                self.width = before;
                let resumed = self.resume(at + 1);
                if let Some(resumed) = resumed {
                    nodes.push(damage(at..resumed, "not a field that may stand here"));
                    at = resumed;
                    continue;
                }
                self.width = before;
                let _ = self.field(at);
            }
            at = field.range.end;
            self.previous = field.id;
            nodes.push(self.field_node(&field).with_problem_if(problem));
        }
        nodes
    }

    /// Sets a piece that is no field aside, and says where the walk goes on.
    fn go_on(&mut self, at: usize, nodes: &mut Vec<Node>, problem: &str) -> usize {
        let next = self.resume(at + 1).unwrap_or(self.end);
        nodes.push(damage(at..next, problem));
        next
    }

    fn field(&mut self, at: usize) -> Option<FieldMap> {
        field_at(self.bytes, at, self.end, self.magic, &mut self.width)
    }

    /// Whether sound fields, in an order of their own, follow the field up to the end.
    fn leads_on(&mut self, field: &FieldMap) -> bool {
        let mut behind = self.clone();
        behind.previous = 0;
        let leads = behind.clean(field.range.end);
        self.steps = behind.steps;
        leads
    }

    /// Whether sound fields reach from `at` exactly to the end. Uses up steps, nothing else.
    fn clean(&mut self, mut at: usize) -> bool {
        let mut ahead = self.clone();
        while at < ahead.end {
            if ahead.steps == 0 {
                break;
            }
            ahead.steps -= 1;
            match ahead.field(at) {
                Some(field) if ahead.problem(&field).is_none() => {
                    at = field.range.end;
                    ahead.previous = field.id;
                }
                _ => break,
            }
        }
        self.steps = ahead.steps;
        at == ahead.end
    }

    /// The next place before the end from which sound fields reach to the end.
    fn resume(&mut self, from: usize) -> Option<usize> {
        for at in from..self.end {
            if self.steps == 0 {
                return None;
            }
            if self.clean(at) {
                return Some(at);
            }
        }
        None
    }

    fn problem(&self, field: &FieldMap) -> Option<String> {
        let problem = if field_name(field.id, self.magic).is_none() {
            "id is not known"
        } else if field.id < self.previous {
            "out of order"
        } else if field.id == self.previous && !repeats(field.id, self.magic) {
            "repeated"
        } else {
            return None;
        };
        Some(problem.to_owned())
    }

    fn field_node(&self, field: &FieldMap) -> Node {
        let data = self.bytes.get(field.data.clone()).unwrap_or_default();
        let shows_text = (16..=251).contains(&field.id) || field.id == 254;
        let value = if shows_text {
            text_or_bytes(data)
        } else {
            Value::Bytes
        };
        let name = field_name(field.id, self.magic).unwrap_or("reserved");
        let label = format!("field {} ({name})", field.id);
        let mut node = Node::new(label, field.range.clone(), Value::None);
        if field.id == 251 {
            let name = field.range.start + 2..field.data.start.saturating_sub(2);
            let text = text_or_bytes(self.bytes.get(name.clone()).unwrap_or_default());
            node.children.push(Node::new("name", name, text));
        }
        node.children
            .push(Node::new("data", field.data.clone(), value));
        match self.odd(field.id, data) {
            Some(remark) => node.with_remark(remark),
            None => node,
        }
    }

    /// What is unusual about the data of a key; that it cannot be used shows only on use.
    fn odd(&self, id: u8, data: &[u8]) -> Option<&'static str> {
        let signing = |key: &[u8]| matches!(key, [0x40, rest @ ..] if rest.len() == 32);
        match (id, self.magic) {
            (1, _) => (!signing(data)).then_some("not a signing key"),
            (2, ORGANIZATION) => {
                let key = data.get(1..).unwrap_or_default();
                (!signing(key)).then_some("not a secondary key")
            }
            (2, _) | (3, ORGANIZATION) => {
                let compressed = data.len() == 33 && matches!(data.first(), Some(2 | 3));
                (!compressed).then_some("not a compressed point")
            }
            (3, _) => (data.len() != 32).then_some("not an X25519 key"),
            _ => None,
        }
    }
}

fn damage(range: Range<usize>, problem: &str) -> Node {
    Node::new("rest", range, Value::Bytes).with_problem(problem)
}
