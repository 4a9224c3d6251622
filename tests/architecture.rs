//! ARCHITECTURE.md and docs/settings.md say what is there: modules and their imports, files, settings, who may name whom.
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
    let is_test =
        ["/tests.rs", "/gate.rs", "/explorer.rs", "/explorer/machine.rs"].iter().any(|name| source.ends_with(name));
    let is_test = is_test || source.contains("/tests/");
    let text = if is_test { String::new() } else { read(Path::new("src").join(source)) };
    let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The module of the first level that a file belongs to: a floor of the tower.
fn floor(source: &str) -> &str {
    source.split(['/', '.']).next().unwrap()
}

/// The table of ARCHITECTURE.md: each floor with those that it imports, from the top down.
fn import_table() -> Vec<(String, BTreeSet<String>)> {
    let document = read("ARCHITECTURE.md");
    let table = document.split("```imports\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let row = |line: &str| {
        let (name, imports) = line.split_once("->").unwrap_or_else(|| panic!("{line}"));
        let imports = imports.split_whitespace().filter(|word| *word != "nothing").map(str::to_owned).collect();
        (name.trim().to_owned(), imports)
    };
    table.lines().map(row).collect()
}

/// The floors in the order of `rows` whose imports are not all below them.
fn upward_imports(rows: &[(String, BTreeSet<String>)]) -> Vec<String> {
    let mut upward = Vec::new();
    for (place, (name, imports)) in rows.iter().enumerate() {
        let is_below = |import: &&String| rows[place + 1..].iter().any(|(below, _)| below == *import);
        upward.extend(imports.iter().filter(|import| !is_below(import)).map(|import| format!("{name} -> {import}")));
    }
    upward
}

/// Words that follow `before` in `text`.
fn words_after(text: &str, before: &str) -> BTreeSet<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    text.split(before).skip(1).map(word).filter(|word: &String| !word.is_empty()).collect()
}

#[test]
fn each_floor_imports_exactly_what_the_table_says() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources("src") {
        let (name, code) = (floor(&source).to_owned(), code(&source));
        assert!(!code.contains("crate::{"), "{source}: one `use` for each floor, so that this test sees it");
        let imports = words_after(&code, "crate::");
        found.entry(name.clone()).or_default().extend(imports.into_iter().filter(|import| *import != name));
    }
    found.retain(|name, _| !["lib", "main", "command_line"].contains(&name.as_str()));
    let stated: BTreeMap<_, _> = import_table().into_iter().collect();
    assert_eq!(found, stated, "left: src/, right: the import table of ARCHITECTURE.md");
}

#[test]
fn each_floor_imports_from_below_only() {
    assert_eq!(upward_imports(&import_table()), Vec::<String>::new(), "imports that are not below in the table");
    // The check itself sees an arrow that runs up, and a circle in either order.
    let row = |name: &str, import: &str| (name.to_owned(), BTreeSet::from([import.to_owned()]));
    assert_eq!(upward_imports(&[row("low", "high"), row("high", "low")]), ["high -> low"]);
    assert_eq!(upward_imports(&[row("only", "only")]), ["only -> only"]);
}

#[test]
fn each_outside_world_is_named_in_few_files() {
    for (word, rooms) in [
        ("hyper", &[][..]),
        (
            "warp::",
            &[
                "functions/cross_site.rs",
                "functions/routes.rs",
                "server.rs",
                "server/connections.rs",
                "server/http_response.rs",
                "webhook/access.rs",
                "webhook/handshake.rs",
                "webhook/metrics.rs",
                "webhook/routes.rs",
            ],
        ),
        ("axum_server::", &["server/connections.rs"]),
        ("jsonwebtoken::", &["webhook/entra.rs", "webhook/entra/signatures.rs", "webhook/entra/signing_keys.rs"]),
        ("prometheus::", &["storage/store.rs", "storage/store/health.rs", "webhook/metrics.rs"]),
        (
            "reqwest::",
            &[
                "check/azure/arm.rs",
                "client.rs",
                "client/connect_error.rs",
                "fuzzing/hub_response.rs",
                "push/hub.rs",
                "push/hub/credentials.rs",
                "push/hub/feedback.rs",
                "push/hub/feedback/blob.rs",
                "push/hub/feedback/container.rs",
                "push/hub/key_check.rs",
                "push/hub/request.rs",
                "push/hub/response.rs",
                "storage/store/azure/client.rs",
                "webhook/entra/signing_keys.rs",
            ],
        ),
        ("servicebusnotification-", &["push/hub/request.rs"]),
        (
            "object_store::",
            &[
                "storage/store/azure.rs",
                "storage/store/azure/blobs.rs",
                "storage/store/azure/client.rs",
                "storage/store/azure/error.rs",
            ],
        ),
        ("minijinja::", &["notifications/texts/template.rs"]),
        ("toml::", &["notifications/texts/file.rs", "notifications/texts/value.rs"]),
        ("std::env::", &["main.rs"]),
        ("clap::", &["command_line.rs", "main.rs"]),
        ("jsonc_parser::", &["settings/local_settings.rs"]),
        (
            "Utc::now",
            &[
                "app.rs",
                "commands/forget.rs",
                "commands/installations.rs",
                "commands/replay.rs",
                "commands/send.rs",
                "functions/installations.rs",
                "push/hub.rs",
                "push/hub/feedback.rs",
                "push/hub/key_check.rs",
                "storage/installations/repair.rs",
                "storage/store/health.rs",
                "storage/store/memory.rs",
            ],
        ),
        (
            "fastrand::",
            &[
                "push/hub.rs",
                "storage/dead_letters.rs",
                "storage/installations/pending.rs",
                "storage/instances.rs",
                "storage/lease.rs",
                "storage/store.rs",
                "storage/store/azure.rs",
                "storage/store/update.rs",
            ],
        ),
        ("\"apns-", &["push/payload/apns.rs"]),
        ("ReturnValue", &["functions/invocation.rs"]),
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
fn every_setting_has_a_row_in_its_document() {
    let settings = read("docs/settings.md");
    let mut names = BTreeSet::new();
    for source in ["settings.rs", "settings/hubs.rs", "settings/webhook.rs"] {
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
        assert!(settings.contains(&name), "docs/settings.md has no row for {name}");
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
