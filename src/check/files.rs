//! The files of a Functions app, in a folder or in the zip that is deployed: what the host reads of them, and who may run the
//! program.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Check, Source};

/// The app's files that are looked at.
#[derive(Debug)]
pub struct AppFolder {
    /// What it is, for people.
    name: String,
    host_json: Option<Vec<u8>>,
    /// By the function's name.
    functions: Vec<(String, Vec<u8>)>,
    program: Option<Program>,
}

#[derive(Debug)]
struct Program {
    /// The Unix mode; `None` where none is known.
    mode: Option<u32>,
    /// Its first bytes.
    head: Vec<u8>,
}

/// Why the files cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read as a zip ({error}): expected what deploy/package.sh makes")]
pub struct AppFolderError {
    path: String,
    error: zip::result::ZipError,
}

/// The functions, with what the host has to read of them.
const FUNCTIONS: [(&str, &str); 4] = [
    ("EventGridTrigger", include_str!("../../EventGridTrigger/function.json")),
    ("Installations", include_str!("../../Installations/function.json")),
    ("Maintenance", include_str!("../../Maintenance/function.json")),
    ("Status", include_str!("../../Status/function.json")),
];

const PROGRAM: &str = "acs-push";
const FUNCTION_JSON: &str = "function.json";

/// No file of settings is nearly as long.
const LONGEST: u64 = 1024 * 1024;

/// ELF, 64 bit, little endian, and the machine x86-64 at byte 18.
const ELF: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];
const X86_64: [u8; 2] = [0x3e, 0];

impl AppFolder {
    /// A folder; `None` if it is no app's, because it has no `host.json`.
    pub fn open(path: &Path) -> Option<Self> {
        let host_json = read_file(&path.join("host.json"))?;
        let mut functions = Vec::new();
        for entry in fs::read_dir(path).ok()?.flatten() {
            if let Some(json) = read_file(&entry.path().join(FUNCTION_JSON)) {
                functions.push((entry.file_name().to_string_lossy().into_owned(), json));
            }
        }
        functions.sort();
        let program = path.join(PROGRAM);
        let program = program.is_file().then(|| Program { mode: mode(&program), head: head(File::open(&program)) });
        Some(Self { name: path.display().to_string(), host_json: Some(host_json), functions, program })
    }

    /// A zip.
    pub fn open_zip(path: &PathBuf) -> Result<Self, AppFolderError> {
        Self::from_zip(path).map_err(|error| AppFolderError { path: path.display().to_string(), error })
    }

    fn from_zip(path: &PathBuf) -> Result<Self, zip::result::ZipError> {
        let mut zip = zip::ZipArchive::new(io::BufReader::new(File::open(path)?))?;
        let (mut host_json, mut functions, mut program) = (None, Vec::new(), None);
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index)?;
            let name = entry.name()?.into_owned();
            match name.split('/').collect::<Vec<_>>().as_slice() {
                ["host.json"] => host_json = Some(read(&mut entry)?),
                [function, FUNCTION_JSON] => functions.push(((*function).to_owned(), read(&mut entry)?)),
                [PROGRAM] => program = Some(Program { mode: entry.unix_mode(), head: head(Ok(entry)) }),
                _ => {}
            }
        }
        functions.sort();
        Ok(Self { name: path.display().to_string(), host_json, functions, program })
    }

    /// What is right and wrong.
    pub fn checks(&self) -> Vec<Check> {
        let mut faults = self.host_faults();
        faults.extend(self.function_faults());
        faults.extend(self.program_fault());
        if faults.is_empty() {
            let text =
                format!("{}: host.json, the four functions and the program are as the host needs them", self.name);
            return vec![Check::ok("files", Source::Files, text)];
        }
        let check = |(text, fix): (String, &str)| Check::fault("files", Source::Files, text, fix);
        faults.into_iter().map(check).collect()
    }

    fn host_faults(&self) -> Vec<(String, &'static str)> {
        let Some(text) = &self.host_json else {
            return vec![("there is no host.json at the top".to_owned(), "zip the files themselves, not their folder")];
        };
        let Ok(host) = serde_json::from_slice::<Value>(text) else {
            return vec![("host.json is no JSON".to_owned(), "take host.json of this program")];
        };
        let mut faults = Vec::new();
        let mut expect = |is_right: bool, text: &str, fix: &'static str| {
            if !is_right {
                faults.push((format!("host.json: {text}"), fix));
            }
        };
        let executable = &host["customHandler"]["description"]["defaultExecutablePath"];
        expect(
            executable == PROGRAM,
            "customHandler.description.defaultExecutablePath is another program",
            "write \"defaultExecutablePath\": \"acs-push\"",
        );
        expect(
            host["customHandler"]["enableForwardingHttpRequest"] == true,
            "customHandler.enableForwardingHttpRequest is not true, so registrations and Status do not arrive",
            "write \"enableForwardingHttpRequest\": true",
        );
        expect(
            host["extensionBundle"]["id"].is_string(),
            "extensionBundle is missing, so the host knows no Event Grid trigger",
            "take extensionBundle from host.json of this program",
        );
        let prefix = &host["extensions"]["http"]["routePrefix"];
        expect(
            prefix.is_null() || prefix == "api",
            "extensions.http.routePrefix is not \"api\", so registrations and Status are not found",
            "remove routePrefix",
        );
        faults
    }

    fn function_faults(&self) -> Vec<(String, &'static str)> {
        const FIX: &str = "take the folders of this program's four functions as they are";
        let mut faults = Vec::new();
        for (name, expected) in FUNCTIONS {
            match self.functions.iter().find(|(found, _)| found == name) {
                None => faults.push((format!("there is no {name}/{FUNCTION_JSON}"), FIX)),
                Some((_, found)) if bindings(found) != bindings(expected.as_bytes()) => {
                    faults.push((format!("{name}/{FUNCTION_JSON} has other bindings than this program"), FIX));
                }
                Some(_) => {}
            }
        }
        let is_ours = |name: &str| FUNCTIONS.iter().any(|(own, _)| *own == name);
        let others = self.functions.iter().filter(|(name, _)| !is_ours(name));
        faults.extend(others.map(|(name, _)| (format!("{name} is no function of this program"), FIX)));
        faults
    }

    fn program_fault(&self) -> Option<(String, &'static str)> {
        let Some(program) = &self.program else {
            return Some((
                format!("there is no file {PROGRAM}"),
                "build it, see docs/deploy.md, and put it beside host.json",
            ));
        };
        if !program.head.starts_with(&ELF) || program.head.get(18..20) != Some(&X86_64) {
            return Some((
                format!("{PROGRAM} is no program for Linux on x86_64"),
                "build it for Linux on x86_64: deploy/package.sh does",
            ));
        }
        match program.mode {
            Some(mode) if mode & 0o111 == 0o111 => None,
            Some(mode) => Some((
                format!("{PROGRAM} has the mode {:04o}, so the host may not run it", mode & 0o7777),
                "chmod 755 acs-push, and zip it on Linux or by deploy/package.sh",
            )),
            None => Some((
                format!("{PROGRAM} has no Unix mode in the zip, so the host may not run it"),
                "zip it on Linux or by deploy/package.sh",
            )),
        }
    }
}

/// The bindings, without when the timer runs: that may be chosen.
fn bindings(json: &[u8]) -> Option<Value> {
    let mut bindings = serde_json::from_slice::<Value>(json).ok()?.get_mut("bindings")?.take();
    for binding in bindings.as_array_mut()? {
        binding.as_object_mut()?.remove("schedule");
    }
    Some(bindings)
}

fn read_file(path: &Path) -> Option<Vec<u8>> {
    read(&mut File::open(path).ok()?).ok()
}

fn read(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn head(file: io::Result<impl Read>) -> Vec<u8> {
    let mut head = Vec::new();
    // What cannot be read is no program.
    let _ = file.and_then(|file| file.take(20).read_to_end(&mut head));
    head
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).ok().map(|metadata| metadata.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    // There is no such mode here; what packs the zip sets it.
    Some(0o755)
}
