//! What a scenario has a server do besides its part: give out a wrong signet, damage a letter.
//!
//! These are acts of the scenario and not of an implementation: they decorate whatever plays the
//! server in-process, and an external program cannot be made to do them.

use std::collections::BTreeMap;
use std::sync::Arc;

use dime::agent::server::{OriginSealer, Parts};
use dime_wire::dissect;
use dime_wire::keys::PrivateKeys;
use dime_wire::message::{Bounces, OpenError, OriginEnvelope};
use dime_wire::signet::Signet;

use crate::scenario::Scenario;
use crate::scenario::steps::Step;
use crate::world::World;

/// The acts of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Staging {
    /// Domain and name asked for, to the name whose signet is given out.
    served: BTreeMap<(String, String), String>,
    /// Address of a letter's author, to what becomes of the letter.
    damaged: BTreeMap<String, Damage>,
}

/// One bit of one chunk that changes on the way.
#[derive(Clone, Copy, Debug)]
struct Damage {
    chunk: u8,
    bit: u32,
}

impl Staging {
    /// The acts of `scenario`. They hold from the start of a run: nothing a server says earlier
    /// depends on them.
    pub fn of(scenario: &Scenario, world: &World) -> Arc<Self> {
        let mut staging = Staging::default();
        for step in &scenario.steps {
            match &step.value {
                Step::Serve(serve) => {
                    let asked = (serve.domain.value.clone(), serve.asked.value.clone());
                    staging.served.insert(asked, serve.signet.value.clone());
                }
                Step::Corrupt(corrupt) => {
                    let mut plans = world.letters.iter();
                    let plan = plans.find(|plan| plan.id == corrupt.letter.value);
                    let author = plan.and_then(|plan| world.people.get(&plan.author));
                    if let Some(author) = author {
                        let damage = Damage {
                            chunk: corrupt.chunk.type_byte(),
                            bit: corrupt.flip.value,
                        };
                        staging.damaged.insert(author.address.clone(), damage);
                    }
                }
                _ => {}
            }
        }
        Arc::new(staging)
    }

    /// Whether there is anything an external program would have to do.
    pub fn is_empty(&self) -> bool {
        self.served.is_empty() && self.damaged.is_empty()
    }

    /// The signet that the server of `domain` gives out when asked for `name`.
    pub fn served(&self, world: &World, domain: &str, name: &str, own: &Signet) -> Signet {
        let Some(other) = self.served.get(&(domain.to_owned(), name.to_owned())) else {
            return own.clone();
        };
        let person = world.people.get(other).map(|person| &person.signet);
        let organization = world.organizations.get(other).map(|known| &known.signet);
        person.or(organization).unwrap_or(own).clone()
    }
}

/// `parts` with the acts of the scenario built in.
pub fn staged(parts: Parts, staging: &Arc<Staging>) -> Parts {
    if staging.damaged.is_empty() {
        return parts;
    }
    let sealer = Arc::new(DamagingSealer {
        inner: parts.sealer.clone(),
        staging: staging.clone(),
    });
    Parts { sealer, ..parts }
}

/// Damages letters after they were signed, as a line between the two servers would.
struct DamagingSealer {
    inner: Arc<dyn OriginSealer>,
    staging: Arc<Staging>,
}

impl OriginSealer for DamagingSealer {
    fn sign(
        &self,
        message: &[u8],
        envelope: &OriginEnvelope,
        keys: &PrivateKeys,
        bounces: Bounces,
    ) -> Result<Vec<u8>, OpenError> {
        let mut signed = self.inner.sign(message, envelope, keys, bounces)?;
        if let Some(damage) = self.staging.damaged.get(&envelope.author) {
            flip(&mut signed, *damage);
        }
        Ok(signed)
    }
}

fn flip(message: &mut [u8], damage: Damage) {
    let found = dissect::find_messages(message);
    let chunk = found
        .maps
        .iter()
        .flat_map(|map| &map.chunks)
        .find(|chunk| chunk.kind == damage.chunk);
    let Some(payload) = chunk.map(|chunk| chunk.payload.clone()) else {
        return;
    };
    let at = payload.start + damage.bit as usize / 8;
    if let Some(byte) = message.get_mut(at).filter(|_| payload.contains(&at)) {
        *byte ^= 0x80 >> (damage.bit % 8);
    }
}
