//! Messages as trees: any order of chunks, any sizes, unknown types, damage in the middle, cut-off
//! ends. Behind damage the walk goes on at the next place from which chunks follow one another.

use super::chunks::{
    CHUNK_HEADER, HEADER, MESSAGE, SLOT, TRACING, chunk_name, size_problem, slot_owners,
};
use super::{MAXIMUM_PIECES, Node, Value, cut, length, length_node, number};

/// How many sound chunks in a row show that damage is over, if the end does not come first.
const CONVINCING: usize = 3;
/// Types without which a message is not complete.
const REQUIRED: [u8; 7] = [2, 4, 5, 33, 225, 226, 255];

/// A message with or without tracing as a tree.
pub(super) fn node(bytes: &[u8]) -> Node {
    let mut root = Node::new("message", 0..bytes.len(), Value::None);
    let mut at = 0;
    if number(bytes, 0, 2) == Some(TRACING) {
        let (tracing, end) = tracing_node(bytes);
        root.children.push(tracing);
        at = end;
    }
    if number(bytes, at, 2) != Some(MESSAGE) {
        return root.with_problem("no message header");
    }
    root.children
        .push(Node::new("magic", at..at + 2, Value::Number(MESSAGE)));
    let Some(declared) = length_node(bytes, at + 2, 4) else {
        return root.with_problem("header is cut off");
    };
    root.children.push(declared);
    let mut walk = Walk {
        bytes,
        end: bytes.len(),
        searched: 0,
        previous: 0,
        kinds: Vec::new(),
    };
    root.children.extend(walk.nodes(at + HEADER));
    judge(root, &walk.kinds)
}

/// What is wrong with the message as a whole.
fn judge(root: Node, kinds: &[u8]) -> Node {
    if kinds.first() != Some(&2) {
        return root.with_problem("does not begin with an ephemeral key");
    }
    match kinds.last() {
        Some(248) if !kinds.contains(&225) => return root.with_remark("a bounce of the headers"),
        Some(249) if !kinds.contains(&225) => return root.with_remark("a bounce of the display"),
        _ => {}
    }
    let missing = REQUIRED.iter().find(|kind| !kinds.contains(kind));
    match missing.and_then(|kind| chunk_name(*kind)) {
        Some(name) => root.with_remark(format!("not complete: no {name}")),
        None => root,
    }
}

fn tracing_node(bytes: &[u8]) -> (Node, usize) {
    let Some(size) = length(bytes, 2, 2) else {
        return (
            Node::new("tracing", 0..bytes.len(), Value::Bytes).with_problem("cut off"),
            bytes.len(),
        );
    };
    let (range, short) = cut(4, size, bytes.len());
    let end = range.end;
    let mut node = Node::new("tracing", 0..end, Value::None);
    node.children.push(Node::new("data", range, Value::Bytes));
    if short {
        node = node.with_problem("cut off");
    } else if size == 0 {
        node = node.with_problem("empty");
    }
    (node, end)
}

/// A walk over the chunks of a message.
struct Walk<'a> {
    bytes: &'a [u8],
    end: usize,
    /// No place before this one, of those still ahead, is one where chunks go on.
    searched: usize,
    /// The type of the chunk before.
    previous: u8,
    /// The types of all chunks so far.
    kinds: Vec<u8>,
}

/// What stands in front of a payload.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    size: usize,
}

impl Walk<'_> {
    fn nodes(&mut self, mut at: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        while at < self.end {
            if nodes.len() == MAXIMUM_PIECES {
                let rest = Node::new("rest", at..self.end, Value::Bytes);
                nodes.push(rest.with_problem("too much to take apart"));
                break;
            }
            let (node, next) = self.next(at);
            nodes.push(node);
            at = next;
        }
        nodes
    }

    /// The piece at `at` and where it ends, which is behind `at`.
    fn next(&mut self, at: usize) -> (Node, usize) {
        let Some(head) = self.head(at) else {
            let rest = Node::new("rest", at..self.end, Value::Bytes);
            return (rest.with_problem("cut off"), self.end);
        };
        if chunk_name(head.kind).is_none() {
            return self.stranger(at, head);
        }
        let next = at + CHUNK_HEADER + head.size + SLOT * slot_owners(head.kind).len();
        if next <= self.end && self.convincing(next) {
            return (self.chunk(at, next, head, None), next);
        }
        // Bytes of it are missing, its length is wrong, or what follows it is damaged.
        let sound = self.sound(at).is_some();
        match self.resume(at + 1) {
            Some(resumed) if !sound || resumed < next => {
                let problem = format!("damaged: chunks go on at {resumed}");
                (self.chunk(at, resumed, head, Some(problem)), resumed)
            }
            _ => {
                let next = next.min(self.end);
                (self.chunk(at, next, head, None), next)
            }
        }
    }

    /// A chunk of a type nobody knows: as long as it says it is, if chunks go on there.
    fn stranger(&mut self, at: usize, head: Head) -> (Node, usize) {
        let slots = (0..=4).map(|slots| at + CHUNK_HEADER + head.size + SLOT * slots);
        let ends: Vec<usize> = slots.filter(|next| *next <= self.end).collect();
        let next = ends.into_iter().find(|next| self.convincing(*next));
        if let Some(next) = next {
            self.kinds.push(head.kind);
            let node = Node::new("unknown chunk", at..next, Value::Number(head.kind.into()));
            return (node.with_problem("type is not known"), next);
        }
        let next = self.resume(at + 1).unwrap_or(self.end);
        let rest = Node::new("rest", at..next, Value::Bytes);
        (rest.with_problem("not a chunk"), next)
    }

    /// The chunk of a known type from `at` to `next`, with what is wrong with it.
    fn chunk(&mut self, at: usize, next: usize, head: Head, damage: Option<String>) -> Node {
        let Head { kind, size } = head;
        let name = chunk_name(kind).unwrap_or("unknown chunk");
        let mut node = Node::new(name, at..next, Value::Number(kind.into()));
        let (payload, _) = cut(at + CHUNK_HEADER, size, next);
        let mut slot = payload.end;
        let had = payload.len();
        node.children
            .push(Node::new("payload", payload.clone(), Value::Bytes));
        let owners = slot_owners(kind);
        for actor in owners.iter().take_while(|_| had == size) {
            if slot + SLOT > next {
                break;
            }
            let label = format!("keyslot of {actor}");
            node.children
                .push(Node::new(label, slot..slot + SLOT, Value::Bytes));
            slot += SLOT;
        }
        let whole = node.children.len() == 1 + owners.len();
        let problem = if had < size {
            Some(format!("payload is cut off: {had} of {size} bytes"))
        } else if !whole {
            Some("keyslots are cut off".to_owned())
        } else {
            let reserved = matches!(kind, 65 | 66 | 129 | 130);
            let reserved = reserved.then(|| "type is reserved".to_owned());
            reserved
                .or_else(|| self.misplaced(kind))
                .or_else(|| size_problem(kind, size))
                .or_else(|| self.bad_point(kind, payload.start))
        };
        self.previous = kind;
        self.kinds.push(kind);
        node.with_problem_if(damage.or(problem))
    }

    fn misplaced(&self, kind: u8) -> Option<String> {
        let problem = match kind.cmp(&self.previous) {
            std::cmp::Ordering::Less => "out of order",
            std::cmp::Ordering::Equal if !matches!(kind, 67 | 131) => "repeated",
            _ => return None,
        };
        Some(problem.to_owned())
    }

    fn bad_point(&self, kind: u8, payload: usize) -> Option<String> {
        let parity = self.bytes.get(payload);
        let sound = kind != 2 || parity.is_some_and(|parity| matches!(parity, 2 | 3));
        (!sound).then(|| "not a compressed point".to_owned())
    }

    fn head(&self, at: usize) -> Option<Head> {
        Some(Head {
            kind: self.bytes.get(at).copied()?,
            size: length(self.bytes, at + 1, 3)?,
        })
    }

    /// Where the chunk at `at` ends, if its type is known, its size possible, and all of it there.
    fn sound(&self, at: usize) -> Option<usize> {
        let head = self.head(at)?;
        chunk_name(head.kind)?;
        let end = at + CHUNK_HEADER + head.size + SLOT * slot_owners(head.kind).len();
        (end <= self.end && size_problem(head.kind, head.size).is_none()).then_some(end)
    }

    /// Whether sound chunks follow from `at` on, up to the end or a few in a row.
    fn convincing(&self, mut at: usize) -> bool {
        for _ in 0..CONVINCING {
            if at == self.end {
                return true;
            }
            match self.sound(at) {
                Some(next) => at = next,
                None => return false,
            }
        }
        true
    }

    /// The next place before the end from which chunks go on. Looks at no place twice, so that all calls
    /// together take as long as one over all of the message.
    fn resume(&mut self, from: usize) -> Option<usize> {
        let found = (from.max(self.searched)..self.end).find(|at| self.convincing(*at));
        self.searched = found.unwrap_or(self.end);
        found
    }
}
