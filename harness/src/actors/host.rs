//! What runs on each host of a world, whatever the stage: name servers, mail servers, clients.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dime::agent::client::{self, UserAgent};
use dime::agent::server::{self, Account, OrganizationAgent};
use dime::platform::{BoxFuture, Platform};
use dime::resolver::ResolverConfig;
use dime::tls::ServerIdentity;
use dime_wire::message::{Actor, Bounces};
use zeroize::Zeroizing;

use super::client::ReferenceClient;
use super::door::Door;
use super::staging::{self, Staging};
use super::{Cast, Client, Player};
use crate::net::dns::{self, AuthoritativeServer, Recursor};
use crate::net::tap::Recorder;
use crate::scenario::Scenario;
use crate::scenario::steps::Step;
use crate::world::{Host, HostRole, Organization, Person, PersonId, RESOLVER, ROOT, World};

/// What a host does when it starts. A host that cannot start panics, which fails the run as ours.
pub type Boot = Arc<dyn Fn(Arc<dyn Platform>) -> BoxFuture<'static, ()> + Send + Sync>;

/// Everybody who takes part in a run, ready to be put on a stage.
pub struct Company {
    /// What runs on each host, by host name; hosts that an external program plays are not there.
    pub boots: BTreeMap<String, (IpAddr, Boot)>,
    /// People's clients.
    pub clients: BTreeMap<PersonId, Arc<dyn Client>>,
    /// The host that raw dialogs come from.
    pub stranger: Arc<Door<Arc<dyn Platform>>>,
    /// Mail servers in-process that do not listen yet.
    opening: Arc<AtomicUsize>,
}

impl Company {
    /// Whether every mail server in-process listens. On a live stage somebody could dial before.
    pub fn is_open(&self) -> bool {
        self.opening.load(Ordering::Acquire) == 0
    }
}

/// Gathers everybody for `world` as `cast` has it, in their `parts`.
pub fn company(
    world: &Arc<World>,
    cast: &Cast,
    parts: &Parts,
    staging: &Arc<Staging>,
    recorder: &Arc<Recorder>,
) -> Company {
    let (stranger, jobs) = Door::<Arc<dyn Platform>>::new();
    let jobs = Arc::new(jobs);
    let mut company = Company {
        boots: BTreeMap::new(),
        clients: BTreeMap::new(),
        stranger: Arc::new(stranger),
        opening: Arc::default(),
    };
    for host in world.hosts.values() {
        let boot: Boot = match &host.role {
            HostRole::NameServer(_) => name_server(world.clone(), host.name.clone()),
            HostRole::Resolver => recursor(world),
            HostRole::MailServer(domain) => {
                let Some(organization) = world.organizations.get(domain) else {
                    continue;
                };
                match parts.player(cast, &Party::Organization(domain)) {
                    Player::Adapter(_) => continue,
                    player => {
                        company.opening.fetch_add(1, Ordering::Release);
                        let config = server_config(world, organization, staging);
                        let opening = company.opening.clone();
                        mail_server(config, player.clone(), staging.clone(), opening)
                    }
                }
            }
            HostRole::Client(id) => {
                let Some(person) = world.people.get(id) else {
                    continue;
                };
                let player = parts.player(cast, &Party::Person(id)).clone();
                let (boot, client) = user(world, host, person, player, recorder);
                company.clients.insert(id.clone(), client);
                boot
            }
            HostRole::Stranger => {
                let jobs = jobs.clone();
                Arc::new(move |platform| {
                    let jobs = jobs.clone();
                    Box::pin(async move { jobs.serve(platform.clone(), Arc::new(platform)).await })
                })
            }
        };
        company
            .boots
            .insert(host.name.clone(), (host.address, boot));
    }
    company
}

/// Somebody who may be cast.
pub enum Party<'a> {
    /// An organization, by domain.
    Organization(&'a str),
    /// A person, by name.
    Person(&'a str),
}

/// Which actors the parties of a world play: those of the first letter; without a letter, whoever
/// is spoken to or looked up is the destination. An organization at both ends is cast as origin
/// first.
pub struct Parts {
    actors: Vec<(Actor, String)>,
}

impl Parts {
    /// The parts of a scenario's world.
    pub fn of(scenario: &Scenario, world: &World) -> Self {
        let mut parts = Self { actors: Vec::new() };
        if let Some(letter) = world.letters.first() {
            parts.correspondence(world, &letter.author, &letter.recipient, &letter.to);
            return parts;
        }
        let first = scenario.steps.iter().find_map(|step| match &step.value {
            Step::Dmtp(dialog) => Some((None, dialog.to.as_str())),
            Step::Resolve(look_up) => Some((Some(look_up.by.as_str()), look_up.who.as_str())),
            _ => None,
        });
        match first {
            Some((Some(by), who)) => parts.correspondence(world, by, who, who),
            Some((None, domain)) => parts.add(Actor::Destination, Some(domain.to_owned())),
            None => {}
        }
        parts
    }

    fn correspondence(&mut self, world: &World, from: &str, to: &str, address: &str) {
        let home = |id: &str| {
            let person = world.people.get(id);
            person.map(|person| person.organization.clone())
        };
        self.add(Actor::Author, Some(from.to_owned()));
        self.add(Actor::Recipient, Some(to.to_owned()));
        self.add(Actor::Origin, home(from));
        let domain = || address.rsplit('@').next().map(str::to_owned);
        self.add(Actor::Destination, home(to).or_else(domain));
    }

    fn add(&mut self, actor: Actor, who: Option<String>) {
        self.actors.extend(who.map(|who| (actor, who)));
    }

    /// Which server's part an organization has.
    pub fn server(&self, domain: &str) -> Option<Actor> {
        let is_server = |actor: &Actor| matches!(actor, Actor::Origin | Actor::Destination);
        let mut parts = self.actors.iter();
        let part = parts.find(|(actor, who)| who == domain && is_server(actor));
        part.map(|(actor, _)| *actor)
    }

    /// Who plays a party.
    pub fn player<'c>(&self, cast: &'c Cast, party: &Party<'_>) -> &'c Player {
        let fits = |actor: &Actor| match party {
            Party::Organization(_) => matches!(actor, Actor::Origin | Actor::Destination),
            Party::Person(_) => matches!(actor, Actor::Author | Actor::Recipient),
        };
        let name = match party {
            Party::Organization(name) | Party::Person(name) => name,
        };
        let played = self
            .actors
            .iter()
            .filter(|(actor, who)| who == name && fits(actor))
            .map(|(actor, _)| cast.player(*actor));
        let mut cast_otherwise = played.filter(|player| !matches!(player, Player::Reference));
        cast_otherwise.next().unwrap_or(&Player::Reference)
    }
}

/// How everybody in a world looks others up.
pub fn resolver_config(world: &World) -> ResolverConfig {
    let root = world.zones.first().map(|zone| zone.key.public().0);
    ResolverConfig {
        dns: address_of(world, RESOLVER, world.ports.dns),
        anchors: root.into_iter().collect(),
        authorities: vec![world.pki.authority.clone()],
    }
}

/// The address of a host's service; a port nobody listens on if there is no such host.
fn address_of(world: &World, host: &str, port: u16) -> SocketAddr {
    let host = world.hosts.get(host).map(|host| host.address);
    SocketAddr::new(host.unwrap_or(IpAddr::from([0, 0, 0, 0])), port)
}

fn name_server(world: Arc<World>, host: String) -> Boot {
    Arc::new(move |platform| {
        let (world, host) = (world.clone(), host.clone());
        Box::pin(async move {
            let built = AuthoritativeServer::build(&world.zones, &host, world.now);
            let server = Arc::new(built.expect("a world's zones can be signed"));
            let ended = dns::serve(platform, server).await;
            panic!("name server {host} ended: {ended:?}");
        })
    })
}

fn recursor(world: &Arc<World>) -> Boot {
    let root = address_of(world, ROOT, world.ports.dns);
    Arc::new(move |platform| {
        Box::pin(async move {
            let server = Recursor::new(&*platform, root);
            let ended = dns::serve(platform, server).await;
            panic!("resolver ended: {ended:?}");
        })
    })
}

fn mail_server(
    config: server::Config,
    player: Player,
    staging: Arc<Staging>,
    opening: Arc<AtomicUsize>,
) -> Boot {
    Arc::new(move |platform| {
        let (config, player, staging) = (config.clone(), player.clone(), staging.clone());
        let opening = opening.clone();
        Box::pin(async move {
            let honest = server::Parts::honest(&platform, &config);
            let parts = match &player {
                Player::Rogue(rogue) => rogue.server_parts(honest),
                Player::Reference | Player::Adapter(_) => honest,
            };
            let parts = staging::staged(parts, &staging);
            let started = OrganizationAgent::start(platform, config, parts).await;
            started.expect("a host of its own has its ports and its store");
            opening.fetch_sub(1, Ordering::Release);
            std::future::pending::<()>().await;
        })
    })
}

/// What the server of an organization is made from.
fn server_config(world: &World, organization: &Organization, staging: &Staging) -> server::Config {
    let certificate = world.pki.certificates.get(&organization.mail_host);
    let identity = certificate.map_or_else(
        || ServerIdentity {
            chain: vec![],
            key: Zeroizing::new(vec![]),
        },
        |certificate| ServerIdentity {
            chain: vec![certificate.certificate.clone()],
            key: Zeroizing::new(certificate.key.clone()),
        },
    );
    let account = |id: &PersonId| {
        let person = world.people.get(id)?;
        Some(Account {
            address: person.address.clone(),
            password: Zeroizing::new(person.password.clone()),
            signet: staging.served(world, &organization.domain, id, &person.signet),
        })
    };
    server::Config {
        domain: organization.domain.clone(),
        keys: organization.keys.clone(),
        signet: staging.served(
            world,
            &organization.domain,
            &organization.domain,
            &organization.signet,
        ),
        identity,
        users: organization.users.iter().filter_map(account).collect(),
        resolver: resolver_config(world),
        bounces: Bounces {
            metadata: true,
            display: true,
        },
    }
}

fn user(
    world: &Arc<World>,
    host: &Host,
    person: &Person,
    player: Player,
    recorder: &Arc<Recorder>,
) -> (Boot, Arc<dyn Client>) {
    let (door, jobs) = Door::<UserAgent>::new();
    let jobs = Arc::new(jobs);
    let config = client::Config {
        address: person.address.clone(),
        password: Zeroizing::new(person.password.clone()),
        keys: person.keys.clone(),
        alternate: person.alternate.clone(),
        signet: person.signet.clone(),
        organization: person.organization.clone(),
        resolver: resolver_config(world),
    };
    let client = ReferenceClient {
        door: Arc::new(door),
        recorder: recorder.clone(),
        host: host.name.clone(),
        address: person.address.clone(),
    };
    let boot: Boot = Arc::new(move |platform| {
        let (config, player, jobs) = (config.clone(), player.clone(), jobs.clone());
        Box::pin(async move {
            let honest = client::Parts::honest(&platform, &config);
            let parts = match &player {
                Player::Rogue(rogue) => rogue.client_parts(&platform, &config, honest),
                Player::Reference | Player::Adapter(_) => honest,
            };
            let agent = UserAgent::new(platform.clone(), config, parts);
            jobs.serve(platform, Arc::new(agent)).await;
        })
    });
    (boot, Arc::new(client))
}
