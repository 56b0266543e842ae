use std::collections::BTreeMap;
use std::time::Instant;
fn main() {
    let filter = std::env::args()
        .nth(1)
        .unwrap_or("privacy/four-hops".into());
    let library = dimespec::scenario::builtin();
    for entry in library.entries() {
        if !entry.name().contains(&filter) {
            continue;
        }
        for _ in 0..3 {
            let setting = dimespec::run::Setting {
                seed: 1,
                ..Default::default()
            };
            let t = Instant::now();
            let run = dimespec::run::run(&entry, &setting);
            println!(
                "{} {:?} {:?} {:?}",
                entry.name(),
                run.verdict,
                t.elapsed(),
                run.reasons
            );
            if std::env::args().len() > 2 {
                println!("{}", serde_json::to_string_pretty(&run).unwrap());
            }
        }
    }
    let _: BTreeMap<u8, u8> = BTreeMap::new();
}
