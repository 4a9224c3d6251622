//! Every link in the documents leads somewhere, and every file that they, the templates, scripts and workflows name exists.
#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Folders of the repository of which texts name files.
const FOLDERS: [&str; 12] = [
    ".ci",
    ".github",
    ".vscode",
    "benches",
    "deploy",
    "docs",
    "emulator",
    "examples",
    "infra",
    "src",
    "tests",
    "EventGridTrigger",
];

/// All texts that tell people where something is.
fn texts() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let ending = name.rsplit('.').next().unwrap();
            if path.is_dir() {
                if !["target", "node_modules", ".git", ".acs-push"].contains(&name) {
                    folders.push(path);
                }
            } else if ["md", "bicep", "sh", "yml", "yaml", "http", "toml"].contains(&ending) || name == "run" {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

/// As GitHub names the place of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(document: &str) -> BTreeSet<String> {
    document
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// What a document links to, but for other sites.
fn links(document: &str) -> impl Iterator<Item = &str> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.contains(' '))
}

/// Why a link of the document leads nowhere.
fn broken(path: &Path, document: &str, target: &str) -> Option<String> {
    let (file, place) = target.split_once('#').unwrap_or((target, ""));
    let other = path.parent().unwrap().join(file);
    if !file.is_empty() && !other.exists() {
        return Some(format!("{}: {target} does not exist", path.display()));
    }
    let text = if file.is_empty() { document.to_owned() } else { fs::read_to_string(other).unwrap_or_default() };
    (!place.is_empty() && !anchors(&text).contains(place))
        .then(|| format!("{}: {target}: no such heading", path.display()))
}

/// Words that are files of the repository by their first part.
fn files(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "._/-*{}<>$…".contains(c)));
    let words = words.map(|word| word.trim_start_matches("./").trim_end_matches(['.', '-']));
    words.filter(|word| {
        let first = word.split('/').next().unwrap();
        word.contains('/') && FOLDERS.contains(&first) && !word.contains(['*', '{', '<', '$', '…'])
    })
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in texts().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "md")) {
        let document = fs::read_to_string(&path).unwrap();
        let links: Vec<_> = links(&document).collect();
        seen += links.len();
        wrong.extend(links.iter().filter_map(|target| broken(&path, &document, target)));
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen > 30, "{seen}");
    let [path, document] = [root().join("README.md").to_str().unwrap().to_owned(), "# A, b\n".to_owned()];
    let is_broken = |target| broken(Path::new(&path), &document, target).is_some();
    assert_eq!(["docs/api.md", "docs/no.md", "#a-b", "#b"].map(is_broken), [false, true, false, true]);
}

/// Words in backticks that have the form of a test's name: a sentence.
fn tests_named(document: &str) -> impl Iterator<Item = &str> {
    let quoted = document.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.filter(|word| {
        word.matches('_').count() >= 3
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

#[test]
fn every_test_that_the_threats_name_exists() {
    let (mut sources, mut folders) = (String::new(), vec![root().join("src"), root().join("tests")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let document = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let named: Vec<_> = tests_named(&document).collect();
    let is_missing = |name: &&&str| !sources.contains(&format!("fn {name}("));
    assert_eq!(named.iter().filter(is_missing).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert!(named.len() > 15, "{named:?}");
    assert_eq!(tests_named("`a_b` and `no_such_test_is_there`").collect::<Vec<_>>(), ["no_such_test_is_there"]);
}

#[test]
fn every_file_that_is_named_exists() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in texts() {
        let text = fs::read_to_string(&path).unwrap();
        for file in files(&text) {
            seen += 1;
            // In a folder of its own, such as the emulator's, from there.
            let places = [root(), path.parent().unwrap()];
            if !places.iter().any(|place| place.join(file).exists()) {
                wrong.push(format!("{}: {file}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen > 100, "{seen}");
    assert_eq!(files("see `deploy/run.sh`, and x/docs or docs/*.md.").collect::<Vec<_>>(), ["deploy/run.sh"]);
}
