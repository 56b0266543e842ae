//! The kill table: which scenario finds which rogue, and by which finding.

use dime_rogues::Rogue;
use serde::Deserialize;

use crate::scenario;
