//! What follows from a set of terms, and by which shortest proof.
//!
//! One pass in order of proof length over the hypergraph (Knuth's generalization of Dijkstra's
//! algorithm): a step costs one plus the costs of its premises. Ties are broken by term and
//! inference id, so the same ledgers always give the same explanations.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::graph::{Graph, Inference, InferenceId, Term, TermId};

/// The terms that follow from a base set.
#[derive(Debug)]
pub(super) struct Reach {
    /// For each term its cost and the step it was reached by; base terms have none.
    reached: Vec<Option<(u32, Option<InferenceId>)>>,
}

impl Reach {
    /// Everything that follows from `base`. Facts are ends: nothing follows from them.
    pub(super) fn from(graph: &Graph, base: &BTreeSet<TermId>) -> Self {
        let mut reached = vec![None; graph.len()];
        let mut missing: Vec<usize> = graph
            .inferences()
            .map(|(_, inference)| distinct(&inference.premises).len())
            .collect();
        let mut queue: BinaryHeap<_> = base
            .iter()
            .map(|term| Reverse((0u32, *term, None)))
            .collect();
        while let Some(Reverse((cost, term, by))) = queue.pop() {
            match reached.get_mut(term.0 as usize) {
                Some(state @ None) => *state = Some((cost, by)),
                _ => continue,
            }
            for id in distinct(graph.uses(term)) {
                let Some(open) = missing.get_mut(id.0 as usize) else {
                    continue;
                };
                *open = open.saturating_sub(1);
                let Some(inference) = graph.inference(id).filter(|_| *open == 0) else {
                    continue;
                };
                if !is_fact(graph, inference.conclusion) {
                    let total = step_cost(&reached, inference);
                    queue.push(Reverse((total, inference.conclusion, Some(id))));
                }
            }
        }
        Self { reached }
    }

    /// Whether `term` was reached.
    pub(super) fn holds(&self, term: TermId) -> bool {
        self.state(term).is_some()
    }

    /// Whether all premises of `inference` were reached.
    pub(super) fn allows(&self, inference: &Inference) -> bool {
        inference.premises.iter().all(|term| self.holds(*term))
    }

    /// Length of the shortest proof that ends with `inference`.
    pub(super) fn cost(&self, inference: &Inference) -> u32 {
        step_cost(&self.reached, inference)
    }

    /// The shortest proof that ends with `last`: its steps, premises first, each once.
    pub(super) fn proof(&self, graph: &Graph, last: InferenceId) -> Vec<InferenceId> {
        let mut done = Vec::new();
        let mut stack = vec![(last, false)];
        while let Some((id, expanded)) = stack.pop() {
            if done.contains(&id) {
                continue;
            }
            if expanded {
                done.push(id);
                continue;
            }
            stack.push((id, true));
            let premises = graph.inference(id).map_or(&[][..], |step| &step.premises);
            for premise in premises.iter().rev() {
                if let Some((_, Some(by))) = self.state(*premise) {
                    stack.push((by, false));
                }
            }
        }
        done
    }

    fn state(&self, term: TermId) -> Option<(u32, Option<InferenceId>)> {
        self.reached.get(term.0 as usize).copied().flatten()
    }
}

fn is_fact(graph: &Graph, term: TermId) -> bool {
    matches!(graph.term(term), Some(Term::Fact { .. }))
}

fn step_cost(reached: &[Option<(u32, Option<InferenceId>)>], inference: &Inference) -> u32 {
    inference.premises.iter().fold(1, |sum: u32, premise| {
        let state = reached.get(premise.0 as usize).copied().flatten();
        sum.saturating_add(state.map_or(u32::MAX, |(cost, _)| cost))
    })
}

fn distinct<T: Ord + Copy>(values: &[T]) -> BTreeSet<T> {
    values.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Rule, Tie};
    use super::*;

    fn graph(steps: &[(&[usize], usize)]) -> (Graph, Vec<TermId>) {
        let mut graph = Graph::default();
        let terms: Vec<TermId> = (0..8)
            .map(|key| {
                graph
                    .intern(Term::Key(key))
                    .expect("eight terms are below the limit")
            })
            .collect();
        for (premises, conclusion) in steps {
            graph.infer(Inference {
                rule: Rule::Decode,
                premises: premises.iter().map(|index| terms[*index]).collect(),
                conclusion: terms[*conclusion],
                at: None,
                tie: Tie::None,
                exempt: None,
            });
        }
        (graph, terms)
    }

    #[test]
    fn a_step_needs_all_its_premises() {
        let (graph, terms) = graph(&[(&[0, 1], 2), (&[2], 3)]);
        let one = Reach::from(&graph, &BTreeSet::from([terms[0]]));
        assert!(!one.holds(terms[2]) && !one.holds(terms[3]));
        let both = Reach::from(&graph, &BTreeSet::from([terms[0], terms[1]]));
        assert!(both.holds(terms[2]) && both.holds(terms[3]));
    }

    #[test]
    fn a_cycle_proves_nothing() {
        let (graph, terms) = graph(&[(&[1], 2), (&[2], 1)]);
        let reach = Reach::from(&graph, &BTreeSet::from([terms[0]]));
        assert!(!reach.holds(terms[1]) && !reach.holds(terms[2]));
    }

    #[test]
    fn the_shortest_proof_is_taken() {
        let (graph, terms) = graph(&[(&[0], 1), (&[1], 2), (&[2], 4), (&[0], 3), (&[3], 4)]);
        let reach = Reach::from(&graph, &BTreeSet::from([terms[0]]));
        let (cost, by) = reach.state(terms[4]).expect("reached");
        assert_eq!(cost, 2);
        let proof = reach.proof(&graph, by.expect("not a base term"));
        assert_eq!(proof, [InferenceId(3), InferenceId(4)]);
    }

    #[test]
    fn a_premise_named_twice_counts_once() {
        let (graph, terms) = graph(&[(&[0, 0], 1)]);
        assert!(Reach::from(&graph, &BTreeSet::from([terms[0]])).holds(terms[1]));
    }
}
