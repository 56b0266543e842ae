//! Who plays which actor. A scenario names no implementation; the caller of a run does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dime_rogues::Rogue;
use dime_wire::message::Actor;

use super::adapter::{Adapter, AdapterError, Role};
use crate::scenario::nearest;

/// What plays an actor.
#[derive(Clone, Debug, Default)]
pub enum Player {
    /// The reference implementation, in-process.
    #[default]
    Reference,
    /// An implementation made wrong on purpose, in-process.
    Rogue(&'static Rogue),
    /// An external program.
    Adapter(Arc<Adapter>),
}

impl Player {
    /// The name `--impl` takes and reports print.
    pub fn name(&self) -> &str {
        match self {
            Player::Reference => REFERENCE,
            Player::Rogue(rogue) => rogue.name,
            Player::Adapter(adapter) => &adapter.manifest.adapter,
        }
    }
}

const REFERENCE: &str = "reference";

/// The actors in their order along the way of a letter, with the names a command line takes.
pub const ACTORS: [(Actor, &str); 4] = [
    (Actor::Author, "author"),
    (Actor::Origin, "origin"),
    (Actor::Destination, "destination"),
    (Actor::Recipient, "recipient"),
];

/// Who plays which actor; the reference plays those who are not named.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    players: BTreeMap<Actor, Player>,
}

/// Why a cast cannot be.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// Not of the form `ACTOR=NAME`.
    #[error("`{0}` is not of the form ACTOR=NAME, for example destination=dimed")]
    Form(String),
    /// No such actor.
    #[error("`{0}` is no actor; actors are author, origin, destination, recipient")]
    Actor(String),
    /// No such implementation.
    #[error("`{name}` is no implementation and no path to an adapter{hint}; known are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant, or nothing.
        hint: String,
        /// What there is.
        known: String,
    },
    /// It plays something else.
    #[error("{name} cannot play {actor}; it plays {plays}")]
    Role {
        /// Which implementation.
        name: String,
        /// Which actor was wanted.
        actor: &'static str,
        /// Which it can play.
        plays: String,
    },
    /// Named twice.
    #[error("{0} is cast twice")]
    Twice(&'static str),
    /// Its adapter is broken.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
}

impl Cast {
    /// Reads casts of the form `ACTOR=NAME`.
    ///
    /// # Errors
    /// [`CastError`] names the word that is wrong.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self, CastError> {
        let mut cast = Cast::default();
        for word in words {
            let word = word.as_ref();
            let (actor, name) = word
                .split_once('=')
                .ok_or_else(|| CastError::Form(word.to_owned()))?;
            let (actor, actor_name) = ACTORS
                .into_iter()
                .find(|(_, known)| *known == actor)
                .ok_or_else(|| CastError::Actor(actor.to_owned()))?;
            let player = find(name)?;
            check_role(&player, actor, actor_name)?;
            if cast.players.insert(actor, player).is_some() {
                return Err(CastError::Twice(actor_name));
            }
        }
        Ok(cast)
    }

    /// A cast in which one rogue plays the actor it was made for.
    pub fn of_rogue(rogue: &'static Rogue) -> Self {
        Cast {
            players: BTreeMap::from([(rogue.plays, Player::Rogue(rogue))]),
        }
    }

    /// Who plays `actor`.
    pub fn player(&self, actor: Actor) -> &Player {
        self.players.get(&actor).unwrap_or(&Player::Reference)
    }

    /// Everybody but the reference, and whom they play.
    pub fn guests(&self) -> impl Iterator<Item = (Actor, &Player)> {
        let players = self.players.iter().map(|(actor, player)| (*actor, player));
        players.filter(|(_, player)| !matches!(player, Player::Reference))
    }

    /// The external programs among the players.
    pub fn adapters(&self) -> impl Iterator<Item = (Actor, &Arc<Adapter>)> {
        self.players
            .iter()
            .filter_map(|(actor, player)| match player {
                Player::Adapter(adapter) => Some((*actor, adapter)),
                _ => None,
            })
    }

    /// Name of the player of each actor, for a report.
    pub fn names(&self) -> BTreeMap<String, String> {
        ACTORS
            .into_iter()
            .map(|(actor, name)| (name.to_owned(), self.player(actor).name().to_owned()))
            .collect()
    }

    /// The `--impl` options that make this cast, for a replay command.
    pub fn options(&self) -> String {
        ACTORS
            .into_iter()
            .filter_map(|(actor, name)| match self.player(actor) {
                Player::Reference => None,
                Player::Adapter(adapter) => Some(option(name, adapter.option())),
                player => Some(option(name, player.name())),
            })
            .collect()
    }
}

/// An `--impl` option as a shell takes it.
fn option(actor: &str, player: &str) -> String {
    format!(" --impl {actor}={}", quoted(player))
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Names of everything `--impl` takes, the reference first.
pub fn known() -> Vec<String> {
    let rogues = dime_rogues::all().iter().map(|rogue| rogue.name.to_owned());
    std::iter::once(REFERENCE.to_owned())
        .chain(Adapter::builtin_names().map(str::to_owned))
        .chain(rogues)
        .collect()
}

fn find(name: &str) -> Result<Player, CastError> {
    if name == REFERENCE {
        return Ok(Player::Reference);
    }
    if let Some(rogue) = dime_rogues::all().iter().find(|rogue| rogue.name == name) {
        return Ok(Player::Rogue(rogue));
    }
    if let Some(adapter) = Adapter::builtin(name) {
        return Ok(Player::Adapter(Arc::new(adapter?)));
    }
    let path = Path::new(name);
    if path.exists() {
        return Ok(Player::Adapter(Arc::new(Adapter::load(path)?)));
    }
    let known = known();
    let near = nearest(name, known.iter().map(String::as_str));
    Err(CastError::Unknown {
        name: name.to_owned(),
        hint: near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)")),
        known: known.join(", "),
    })
}

fn check_role(player: &Player, actor: Actor, actor_name: &'static str) -> Result<(), CastError> {
    let plays: Vec<&str> = match player {
        Player::Reference => return Ok(()),
        Player::Rogue(rogue) => ACTORS
            .into_iter()
            .filter(|(played, _)| *played == rogue.plays)
            .map(|(_, name)| name)
            .collect(),
        Player::Adapter(adapter) => adapter
            .manifest
            .roles
            .iter()
            .map(|role| match role {
                Role::Origin => "origin",
                Role::Destination => "destination",
            })
            .collect(),
    };
    let fits = ACTORS
        .into_iter()
        .any(|(known, name)| known == actor && plays.contains(&name));
    if fits {
        return Ok(());
    }
    Err(CastError::Role {
        name: player.name().to_owned(),
        actor: actor_name,
        plays: plays.join(" or "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &[&str]) -> String {
        Cast::parse(words)
            .expect_err("a cast that cannot be")
            .to_string()
    }

    #[test]
    fn everybody_is_played_by_the_reference_unless_named() {
        let cast = Cast::parse::<&str>(&[]).expect("an empty cast");
        assert!(cast.names().values().all(|name| name == "reference"));
        assert_eq!(cast.options(), "");
    }

    #[test]
    fn a_cast_gives_back_the_options_that_made_it() {
        let cast = Cast::parse(&["origin=origin-data-argument"]).expect("a rogue");
        assert_eq!(cast.options(), " --impl origin=origin-data-argument");
    }

    #[test]
    fn wrong_words_are_named() {
        assert!(refusal(&["destination"]).contains("ACTOR=NAME"));
        assert!(refusal(&["server=reference"]).contains("no actor"));
        assert!(refusal(&["origin=nobody"]).contains("origin-data-argument"));
        assert!(refusal(&["author=origin-data-argument"]).contains("plays origin"));
        assert!(refusal(&["origin=reference", "origin=reference"]).contains("twice"));
    }
}
