//! Checks of the `expect` block.

use crate::scenario::check::{Checker, DNS};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::expectations::{Expectation, RefusedSpec, ResolvedSpec};
use crate::scenario::steps::Step;
use crate::scenario::values::{FactKind, FactName, Located, Names, Place};
use crate::scenario::{library, limits};

impl<'a> Checker<'a> {
    pub(super) fn expectations(&mut self) {
        let expect = &self.scenario.expect;
        let dialogs = self.scenario.steps.iter();
        let dialogs = dialogs.filter(|step| matches!(step.value, Step::Dmtp(_)));
        if expect.is_empty() && dialogs.count() == 0 {
            self.problem(Place::default(), "the scenario expects nothing");
        }
        let excess = expect.get(limits::MAX_EXPECTATIONS);
        let excess = excess.map(|expectation| expectation.place);
        self.limit("expectations", excess, limits::MAX_EXPECTATIONS);
        for expectation in expect {
            self.expectation(&expectation.value);
        }
    }

    fn expectation(&mut self, expectation: &'a Expectation) {
        match expectation {
            Expectation::Delivered(delivered) => {
                self.letter(&delivered.letter);
                self.person(&delivered.to);
            }
            Expectation::NotDelivered(one) => {
                self.letter(&one.letter);
            }
            Expectation::Refused(refused) => self.refused(refused),
            Expectation::Failed(failed) => {
                self.letter(&failed.letter);
            }
            Expectation::Resolved(resolved) => self.resolved(resolved),
            Expectation::Knows(by) => {
                self.principals(by);
                for (_, knowledge) in by.iter() {
                    knowledge.facts().iter().for_each(|fact| self.fact(fact));
                }
            }
            Expectation::NeverKnows(by) => {
                self.principals(by);
                for (_, facts) in by.iter() {
                    facts.iter().for_each(|fact| self.fact(fact));
                }
            }
            Expectation::Inherent(by) => {
                self.principals(by);
                for (_, ids) in by.iter() {
                    ids.iter().for_each(|id| self.inherent(id));
                }
            }
            Expectation::Within(within) => {
                self.letter(&within.letter);
                self.span(&within.time);
            }
        }
    }

    fn refused(&mut self, refused: &'a RefusedSpec) {
        self.letter(&refused.letter);
        if let Some(code) = &refused.code
            && !(400..600).contains(&code.value)
        {
            let message = format!("`{}` is not the code of a refusal", code.value);
            let problem = Diagnostic::at(&self.scenario.text, code.place, message);
            self.report(problem.expected("expected 400 to 599"));
        }
    }

    fn resolved(&mut self, resolved: &'a ResolvedSpec) {
        self.person(&resolved.by);
        self.anybody(&resolved.who);
        let asked = self.scenario.steps.iter().any(|step| match &step.value {
            Step::Resolve(step) => {
                step.by == resolved.by
                    && step.who == resolved.who
                    && (resolved.look_up.is_none() || step.look_up == resolved.look_up)
            }
            _ => false,
        });
        if !asked {
            let message = format!(
                "no step has `{}` resolve `{}`",
                resolved.by.value, resolved.who.value
            );
            let place = resolved.look_up.as_ref().unwrap_or(&resolved.who).place;
            self.problem(place, message);
        }
    }

    /// Checks names of those who can know things.
    fn principals<T>(&mut self, by: &'a Names<T>) {
        for (name, _) in by.iter() {
            let known = name.as_str() == DNS
                || self.people.contains_key(name.as_str())
                || self.domains.contains(&name.as_str())
                || self.scenario.world.taps.get(name).is_some();
            if !known {
                let taps = self.scenario.world.taps.iter();
                let names = self.domains.iter().copied();
                let names = names.chain(self.people.keys().copied());
                let names = names.chain(taps.map(|(name, _)| name.as_str()));
                let names = names.chain([DNS]).collect::<Vec<_>>();
                self.unknown("principal", name, names.into_iter());
            }
        }
    }

    fn fact(&mut self, fact: &'a Located<FactName>) {
        let letter = Located {
            value: fact.letter.clone(),
            place: fact.place,
        };
        let attached = matches!(fact.kind, FactKind::Attachment | FactKind::AttachmentName);
        if let Some(letter) = self.letter(&letter)
            && attached
            && letter.attachments == 0
        {
            let message = format!("letter `{}` has no attachment", fact.letter);
            self.problem(fact.place, message);
        }
    }

    fn inherent(&mut self, id: &'a Located<String>) {
        let known = library::inherent_ids();
        if !known.contains(&id.as_str()) {
            let message = format!("unknown inherent leak `{}`", id.value);
            let problem = Diagnostic::at(&self.scenario.text, id.place, message);
            let problem = problem.expected("expected an id of inherent.yaml");
            self.report(problem.suggest(id, known.iter().copied()));
        }
    }
}
