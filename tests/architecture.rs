//! ARCHITECTURE.md and README.md say what is there: modules and their imports, files, settings, who may name whom.
#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Every file below `folder` that ends with `.rs`, by its path from there.
fn sources(folder: &str) -> Vec<String> {
    let base = root().join(folder);
    let (mut found, mut folders) = (Vec::new(), vec![base.clone()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The code of a file, without its tests and comments.
fn code(source: &str) -> String {
    // A file of tests has no code of the program.
    let is_test = source.ends_with("/tests.rs") || source.contains("/tests/") || source.ends_with("/gate.rs");
    let text = if is_test || source == "explorer.rs" { String::new() } else { read(Path::new("src").join(source)) };
    let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The module of the first level that a file belongs to.
fn module(source: &str) -> &str {
    source.split(['/', '.']).next().unwrap()
}

/// Words that follow `before` in `text`.
fn words_after(text: &str, before: &str) -> BTreeSet<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    text.split(before).skip(1).map(word).filter(|word: &String| !word.is_empty()).collect()
}

#[test]
fn each_module_imports_exactly_what_the_table_says() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources("src") {
        let name = module(&source).to_owned();
        let imports = words_after(&code(&source), "crate::");
        found.entry(name.clone()).or_default().extend(imports.into_iter().filter(|import| *import != name));
    }
    found.retain(|name, _| name != "lib" && name != "main");
    let document = read("ARCHITECTURE.md");
    let table = document.split("```imports\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let stated: BTreeMap<String, BTreeSet<String>> = table
        .lines()
        .map(|line| {
            let (names, imports) = line.split_once("->").unwrap_or_else(|| panic!("{line}"));
            let imports = imports.split_whitespace().filter(|word| *word != "nothing").map(str::to_owned).collect();
            (names.trim().to_owned(), imports)
        })
        .collect();
    assert_eq!(found, stated, "left: src/, right: the import table of ARCHITECTURE.md");
}

#[test]
fn each_outside_world_is_named_in_one_room() {
    for (word, rooms) in [
        ("hyper", &[][..]),
        ("warp::", &["server.rs", "server/routes.rs"]),
        (
            "reqwest::",
            &[
                "client.rs",
                "client/connect_error.rs",
                "hub.rs",
                "hub/access.rs",
                "hub/answer.rs",
                "hub/request.rs",
                "store/azure/client.rs",
            ],
        ),
        ("servicebusnotification-", &["hub/request.rs"]),
        ("object_store::", &["store/azure.rs", "store/azure/blobs.rs", "store/azure/client.rs", "store/error.rs"]),
        ("minijinja::", &["notification/texts/template.rs"]),
        ("toml::", &["notification/texts/file.rs", "notification/texts/value.rs"]),
        ("std::env::", &["main.rs"]),
        ("clap::", &["main.rs"]),
        (
            "Utc::now",
            &[
                "handler.rs",
                "hub.rs",
                "installations/mending.rs",
                "replay.rs",
                "send.rs",
                "server.rs",
                "store/memory.rs",
            ],
        ),
        ("fastrand::", &["dead_letters.rs", "hub.rs", "installations/pending.rs", "store.rs", "store/azure.rs"]),
        ("\"apns-", &["payload/apns.rs"]),
        ("ReturnValue", &["invocation.rs"]),
    ] {
        let named: Vec<String> = sources("src").into_iter().filter(|source| code(source).contains(word)).collect();
        assert_eq!(named, rooms, "{word}");
    }
}

#[test]
fn every_source_file_has_a_line_in_the_architecture_and_says_what_it_is() {
    let document = read("ARCHITECTURE.md");
    for source in sources("src") {
        assert!(document.contains(&format!("`{source}`")), "ARCHITECTURE.md has no line for src/{source}");
    }
    for folder in ["src", "tests", "examples", "benches", "emulator/src", "emulator/tests"] {
        for source in sources(folder) {
            assert!(
                read(Path::new(folder).join(&source)).starts_with("//! "),
                "{folder}/{source} does not open with //!"
            );
        }
    }
}

#[test]
fn every_setting_has_a_row_in_the_readme() {
    let readme = read("README.md");
    let mut names = BTreeSet::new();
    for source in ["config.rs", "config/hubs.rs"] {
        let text = code(source);
        let quoted = text.split('"').skip(1).step_by(2);
        let is_name =
            |text: &&str| text.contains('_') && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        names.extend(quoted.filter(is_name).map(str::to_owned));
    }
    // Parts of names, and what Azure sets by itself.
    for other in ["NOTIFICATION_HUB_", "FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] {
        names.remove(other);
    }
    assert!(names.len() >= 14, "{names:?}");
    for name in names {
        assert!(readme.contains(&name), "README.md does not tell of {name}");
    }
}

#[test]
fn no_source_file_is_too_long_to_be_held_in_the_head() {
    for folder in ["src", "emulator/src"] {
        for source in sources(folder) {
            let lines = read(Path::new(folder).join(&source)).lines().count();
            // Tests may tell long stories.
            assert!(lines <= 400 || source.contains("/tests/"), "{folder}/{source} has {lines} lines");
        }
    }
}
