//! Compares the import table in ARCHITECTURE.md with the code, and the order of its rows with the layers.

// Clippy's own exception ends at test functions.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module of the crate root, and the modules that it imports from.
type Row = (String, BTreeSet<String>);

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The import table, from top to bottom.
fn table() -> Vec<Row> {
    let document = read("ARCHITECTURE.md");
    let table = document.split("```imports\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let row = |line: &str| {
        let (name, imports) = line.split_once("->").unwrap_or_else(|| panic!("{line}"));
        let imports = imports.split_whitespace().filter(|word| *word != "nothing").map(str::to_owned);
        (name.trim().to_owned(), imports.collect())
    };
    table.lines().map(row).collect()
}

/// The modules in the order of lib.rs.
fn modules() -> Vec<String> {
    let name = |line: &str| line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')).map(str::to_owned);
    read("src/lib.rs").lines().filter_map(name).collect()
}

/// Each source file below `path`; `path` itself if it is a file.
fn sources(path: PathBuf) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| sources(entry.unwrap().path())).collect()
}

/// What the files of a module import from other modules, in `use` declarations and in paths.
fn imports(module: &str) -> BTreeSet<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folder = Some(src.join(module)).filter(|folder| folder.is_dir());
    let files = folder.into_iter().chain([src.join(format!("{module}.rs"))]).flat_map(sources);
    let mut imports = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for rest in line.split("crate::").skip(1) {
                let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                assert!(!name.is_empty(), "{}: one `use` for each module: {line}", file.display());
                imports.insert(name);
            }
        }
    }
    imports.remove(module);
    imports
}

#[test]
fn each_module_imports_exactly_what_the_table_says() {
    let found: Vec<Row> = modules().into_iter().map(|module| (module.clone(), imports(&module))).collect();
    assert_eq!(found, table(), "left: src/ in the order of lib.rs, right: the table in ARCHITECTURE.md");
}

#[test]
fn a_module_imports_only_from_modules_below_it() {
    let table = table();
    for (index, (module, imports)) in table.iter().enumerate() {
        let below: BTreeSet<_> = table[index + 1..].iter().map(|(name, _)| name.clone()).collect();
        let upward: Vec<_> = imports.difference(&below).collect();
        assert!(upward.is_empty(), "{module} imports from {upward:?}, which is not below it");
    }
}

#[test]
fn each_module_has_a_line_in_the_list_of_layers() {
    let document = read("ARCHITECTURE.md");
    for module in modules() {
        assert!(document.contains(&format!("| `{module}` |")), "ARCHITECTURE.md does not say what {module} does");
    }
}
