//! What the line at the start says of the settings: enough to see which ones are in use, and nothing secret.

use std::fmt;

use super::{AppSettings, Config, StoreChoice};
use crate::notifications::device::AppName;

/// The settings in one line.
#[derive(Debug)]
pub struct Summary<'a>(pub &'a Config);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(config) = self;
        write!(formatter, "store {}", config.store)?;
        hubs(formatter, None, &config.default_app)?;
        for (name, app) in &config.apps {
            hubs(formatter, Some(name), app)?;
        }
        let texts = config.texts_file.as_deref().unwrap_or("built in");
        write!(formatter, "; texts {texts}; content {}", config.content.name())
    }
}

fn hubs(formatter: &mut fmt::Formatter<'_>, name: Option<&AppName>, app: &AppSettings) -> fmt::Result {
    let name = name.map(|name| format!(" of app {}", name.as_str())).unwrap_or_default();
    write!(formatter, "; hub{name} {}, VoIP ", app.main.name)?;
    match &app.voip {
        Some(voip) => write!(formatter, "yes ({})", voip.name),
        None => formatter.write_str("no"),
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str("memory"),
            Self::Folder(path) => write!(formatter, "folder {}", path.display()),
            Self::NoFolder(path) => write!(formatter, "folder {}, which does not exist", path.display()),
            Self::Azure(container) => {
                write!(formatter, "Azure container {} of account {}", container.name, container.account.name)
            }
        }
    }
}
