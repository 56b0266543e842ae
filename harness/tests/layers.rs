//! The order of the house: data flows one way, so no module of the harness imports what stands to
//! its right. Reads the source files, for the compiler would not object.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules from left to right.
const ORDER: [&str; 13] = [
    "files",
    "scenario",
    "world",
    "ledger",
    "net",
    "actors",
    "run",
    "knowledge",
    "outcome",
    "case",
    "kills",
    "suite",
    "program",
];

/// All that the knowledge engine judges by: it asks no actor and no network.
const KNOWLEDGE_SEES: [&str; 3] = ["scenario", "world", "ledger"];

/// The roots of the library and the program, which name every module.
const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];

/// What keeps `module` from importing `imported`, if anything does.
fn objection(module: &str, imported: &str) -> Option<String> {
    let place = |name: &str| ORDER.iter().position(|module| *module == name);
    let (Some(from), Some(to)) = (place(module), place(imported)) else {
        return Some(format!("`{imported}` is no module in the order"));
    };
    if to > from {
        Some(format!("`{imported}` stands to the right of `{module}`"))
    } else if module == "knowledge" && to < from && !KNOWLEDGE_SEES.contains(&imported) {
        Some("`knowledge` sees scenario, world and ledger alone".to_owned())
    } else {
        None
    }
}

/// The first words of all paths in `source` that begin at the root, by `crate::` or by one
/// `super::` for each of the file's `depth` modules.
fn imports(source: &str, depth: usize) -> Vec<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: String = source.lines().filter(is_code).collect();
    let climbed = "super::".repeat(depth);
    let after = |root: &str| {
        let found = code.match_indices(root).map(|(at, _)| at + root.len());
        found
            .flat_map(|at| first_words(&code[at..]))
            .collect::<Vec<_>>()
    };
    let by_name = after("crate::").into_iter();
    // A shorter climb than this stays inside the module, and so do names that are no modules.
    let by_climbing = after(&climbed)
        .into_iter()
        .filter(|word| ORDER.contains(&word.as_str()));
    by_name.chain(by_climbing).collect()
}

/// `a` of `a::b`; `a` and `b` of `{a::{c, d}, b}`.
fn first_words(path: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    let group = path.strip_prefix('{');
    for letter in group.unwrap_or(path).chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 && group.is_some() => items.push(String::new()),
            ',' | ';' if depth == 0 => break,
            _ => items.last_mut().expect("begins with one").push(letter),
        }
    }
    let is_word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
    let words = items
        .iter()
        .map(|item| item.trim().chars().take_while(is_word).collect());
    words.filter(|word: &String| !word.is_empty()).collect()
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder reads");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("reads").path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules that lead to a file: `net/sim/mod.rs` is `net`, `sim`.
fn modules(file: &Path) -> Vec<String> {
    let names = file.with_extension("");
    let names = names.iter().map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name != "mod").collect()
}

#[test]
fn no_module_imports_what_stands_to_its_right() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut objections = Vec::new();
    for path in source_files(&source) {
        let file = path.strip_prefix(&source).expect("is below it");
        if ROOTS.iter().any(|root| file == Path::new(root)) {
            continue;
        }
        let modules = modules(file);
        let text = fs::read_to_string(&path).expect("the file reads");
        let imports = imports(&text, modules.len());
        // Every file's own module has to have a place, even if it imports nothing.
        for imported in imports.iter().chain([&modules[0]]) {
            if let Some(objection) = objection(&modules[0], imported) {
                objections.push(format!("{}: {objection}", file.display()));
            }
        }
    }
    assert!(
        objections.is_empty(),
        "data flows {}; against it:\n{}",
        ORDER.join(" -> "),
        objections.join("\n")
    );
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "
        // use crate::comment;
        use crate::run::Setting;
        use crate::{
            net::{sim, live},
            world::World,
        };
        use super::super::suite;
        fn f(x: crate::actors::Cast, y: super::Other) {}
    ";
    let found = imports(source, 2);
    assert_eq!(found, ["run", "net", "world", "actors", "suite"]);
}

#[test]
fn an_import_from_the_right_is_objected_to() {
    assert_eq!(objection("outcome", "knowledge"), None);
    assert!(objection("run", "knowledge").is_some());
    assert_eq!(objection("knowledge", "knowledge"), None);
    assert!(objection("world", "net").is_some());
    assert!(objection("ledger", "knowledge").is_some());
    assert!(objection("knowledge", "actors").is_some());
    assert!(objection("run", "utilities").is_some());
}
