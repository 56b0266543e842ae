//! What both stages have in common: people's clients, a stranger's host, a recorder, a clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use dime::platform::{BoxFuture, Clock, Platform};

use super::dialog::{self, DialogRecord, Line};
use super::perform::{Patience, Stage};
use super::transcript::{self, Dialog};
use crate::actors::{Client, Company, Door};
use crate::net::tap::Recorder;
use crate::world::{PersonId, World};

/// A world on a stage, as the interpreter sees it.
pub struct Staged {
    world: Arc<World>,
    clock: Arc<dyn Clock>,
    clients: BTreeMap<PersonId, Arc<dyn Client>>,
    stranger: Arc<Door<Arc<dyn Platform>>>,
    recorder: Arc<Recorder>,
    patience: Patience,
}

impl Staged {
    /// The company on a stage with this clock.
    pub fn new(
        world: &Arc<World>,
        company: &Company,
        recorder: &Arc<Recorder>,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Self {
        Self {
            world: world.clone(),
            clock,
            clients: company.clients.clone(),
            stranger: company.stranger.clone(),
            recorder: recorder.clone(),
            patience,
        }
    }
}

impl Stage for Staged {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn client(&self, person: &str) -> Option<Arc<dyn Client>> {
        self.clients.get(person).cloned()
    }

    fn dialogs(&self) -> Vec<Dialog> {
        let port = self.world.ports.dmtp;
        self.recorder
            .so_far(|trace| transcript::dialogs(trace, port))
    }

    fn dialog(&self, server: &str, script: Vec<Line>) -> BoxFuture<'static, DialogRecord> {
        let (door, name) = (self.stranger.clone(), server.to_owned());
        let address = self.world.hosts.get(server).map(|host| host.address);
        let port = self.world.ports.dmtp;
        Box::pin(async move {
            let failed = |failure: String| DialogRecord {
                server: name.clone(),
                failure: Some(failure),
                ..DialogRecord::default()
            };
            let Some(address) = address else {
                return failed("there is no such server".into());
            };
            let (target, name) = (SocketAddr::new(address, port), name.clone());
            let held = door.run(move |platform| async move {
                dialog::hold((*platform).clone(), name, target, script).await
            });
            held.await.unwrap_or_else(|gone| failed(gone.to_string()))
        })
    }

    fn patience(&self) -> Patience {
        self.patience
    }
}
