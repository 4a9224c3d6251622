//! The program under judgement, for the chaos run and the load benchmark alike.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// The program, built as this one was: cargo builds an example without it, and an older one must not be judged.
#[expect(clippy::disallowed_methods, reason = "what the environment names is left out, and nothing is read from it")]
pub fn build() -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
    let this = std::env::current_exe()?;
    let (Some(folder), Some(target)) = (this.ancestors().nth(2), this.ancestors().nth(3)) else {
        return Err("this program lies in no target folder".into());
    };
    let profile = if folder.ends_with("debug") { OsStr::new("dev") } else { folder.file_name().unwrap_or_default() };
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--bin", "acs-push", "--profile"]).arg(profile);
    build.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    // `cargo run` tells a program about its package. Build scripts that ask for the same names would run again, and with them
    // most dependencies would be built twice, now and by the next `cargo run`.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
            build.env_remove(name);
        }
    }
    if !build.status()?.success() {
        return Err("the program does not build".into());
    }
    Ok(folder.join(format!("acs-push{}", std::env::consts::EXE_SUFFIX)))
}
