//! The command line: what clap reads, and the command that comes of it, with the text of all files that it names.

use std::path::{Path, PathBuf};

use acs_push::{
    AppFolder, AppFolderError, ArmAddress, AzureApp, CheckCommand, Command, DeadLettersCommand, EventsFile,
    EventsFileError, ExampleDevice, Input, InputError, InstallationsCommand, LetterId, LocaleArgument, Person,
    SendCommand, SiteId,
};
use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Turns Azure Communication Services events into APNs and FCM pushes
#[derive(Parser)]
#[command(
    name = "acs-push",
    version,
    after_help = "Settings are environment variables; commands also read local.settings.json of the working directory.\n\
                  docs/settings.md lists the settings, docs/commands.md explains the commands."
)]
pub struct CommandLine {
    #[command(subcommand)]
    words: Option<Words>,
    /// A file like local.settings.json with settings that the environment does not have
    #[arg(long, global = true, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

/// What the program is to do.
pub enum Task {
    /// Answer the Functions host, or Event Grid itself.
    Serve { webhook: bool },
    /// Print a script for a shell.
    Completions(Shell),
    /// Check what can be checked from here.
    Check(CheckCommand, Option<AppFolder>, Option<Box<AzureApp>>),
    /// Everything else.
    Command(Box<Command>),
}

/// Why a file that was named cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Events(#[from] EventsFileError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    AppFolder(#[from] AppFolderError),
}

#[derive(Subcommand)]
enum Words {
    /// Answer the Functions host on `127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT`, as without a command
    ///
    /// The host hands its settings over as environment variables, so that no file is read unless --settings names one.
    Serve {
        /// Answer Event Grid itself, without the Functions host, on the address in LISTEN (127.0.0.1:8080)
        #[arg(long)]
        webhook: bool,
    },
    /// Deliver the events of a file and explain each
    ///
    /// Old events expire, unless it is a dry run or `EXPIRE_EVENTS` is `false`.
    #[command(override_usage = "acs-push send [--dry-run] [--as ios|android|android-data] FILE")]
    Send {
        /// Send and write nothing; needs no hub
        #[arg(long)]
        dry_run: bool,
        /// Show what a device of this kind would get, without any registration; a dry run
        #[arg(long = "as", value_name = "KIND")]
        kind: Option<Kind>,
        /// Its language, such as ko
        #[arg(long, requires = "kind", value_name = "TAG")]
        locale: Option<LocaleArgument>,
        /// How much it may show
        #[arg(long, requires = "kind", value_parser = PossibleValuesParser::new(["full", "sender", "hidden"]))]
        content: Option<String>,
        /// One event, an array of them, one on each line, an invocation of the Functions host, or a file of Event Grid's
        /// own dead-lettering; - is standard input
        file: Option<PathBuf>,
    },
    /// Send the store's dead letters once more; the settled ones go
    ///
    /// Old events expire, unless forced or `EXPIRE_EVENTS` is `false`.
    Replay {
        /// Send what has expired, too
        #[arg(long)]
        force: bool,
        /// Send and write nothing; needs no hub
        #[arg(long)]
        dry_run: bool,
        /// Deliver the events of Event Grid's own dead-letter files instead
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List, show or drop the store's dead letters
    #[command(subcommand)]
    DeadLetters(DeadLetterWords),
    /// Show, put, delete or list registered devices
    #[command(subcommand)]
    Installations(InstallationWords),
    /// Remove everything that the store holds of a user or a phone number
    ///
    /// Of a user: installations and dead letters. Of a number: dead letters, and the number from its installations; one that
    /// is left with nobody goes.
    Forget {
        /// Only tell what would be removed
        #[arg(long)]
        dry_run: bool,
        /// A raw id, such as `8:acs:RESOURCE_USER`, or a phone number
        #[arg(value_name = "USER-OR-NUMBER")]
        person: Person,
    },
    /// Check files, settings, keys of hubs and the store, without a push
    ///
    /// One line for each: good, a fault with its fix, or why it cannot be seen. Exits with 1 if there is a fault. Inside Azure,
    /// `GET /api/status?check` makes the same checks.
    Check {
        /// Check the files in this zip instead of those of the working directory
        #[arg(long, value_name = "ZIP")]
        package: Option<PathBuf>,
        /// Ask Azure about this Functions app, too, with the login of the Azure CLI
        #[arg(long, value_name = "SITE-ID")]
        app: Option<SiteId>,
        /// Azure Resource Manager of another cloud
        #[arg(long, value_name = "URL", requires = "app", default_value = "https://management.azure.com")]
        arm: ArmAddress,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a script that completes these commands in a shell
    Completions { shell: Shell },
}

#[derive(Subcommand)]
enum DeadLetterWords {
    /// Print a line for each: id, type, reason
    List,
    /// Print these with their events, or all
    Show {
        #[arg(value_name = "ID")]
        ids: Vec<LetterId>,
    },
    /// Remove these, or all
    Drop {
        /// Remove all
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<LetterId>,
    },
}

#[derive(Subcommand)]
enum InstallationWords {
    /// Print one as JSON
    Show { id: String },
    /// Write one, as a PUT of the HTTP API does
    Put {
        id: String,
        /// The PUT's JSON; - is standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Delete one
    Delete { id: String },
    /// Print a line for each device of a user or a phone number
    List {
        /// A raw id, such as `8:acs:RESOURCE_USER`, or a phone number
        #[arg(value_name = "USER-OR-NUMBER")]
        person: Person,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Ios,
    Android,
    AndroidData,
}

impl CommandLine {
    /// Reads the command line, and the files that it names.
    pub fn task(self) -> Result<Result<Task, FileError>, clap::Error> {
        let Some(words) = self.words else { return Ok(Ok(Task::Serve { webhook: false })) };
        if matches!(words, Words::Send { file: None, .. }) {
            let problem = "send needs a file of events, or - for standard input";
            return Err(Self::command().error(ErrorKind::MissingRequiredArgument, problem));
        }
        Ok(words.task())
    }

    /// The script that completes commands in a shell.
    pub fn completions(shell: Shell) -> String {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Self::command(), "acs-push", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}

impl Words {
    fn task(self) -> Result<Task, FileError> {
        let command = match self {
            Self::Serve { webhook } => return Ok(Task::Serve { webhook }),
            Self::Send { file: None, .. } => return Ok(Task::Serve { webhook: false }),
            Self::Check { package, app, arm, json } => {
                let folder = match package {
                    Some(zip) => Some(AppFolder::open_zip(&zip)?),
                    None => AppFolder::open(Path::new(".")),
                };
                return Ok(Task::Check(
                    CheckCommand { json },
                    folder,
                    app.map(|site| Box::new(AzureApp { site, arm })),
                ));
            }
            Self::Completions { shell } => return Ok(Task::Completions(shell)),
            Self::Send { dry_run, kind, locale, content, file: Some(file) } => {
                let device = kind.map(|kind| match kind {
                    Kind::Ios => ExampleDevice::iphone(locale, content.as_deref()),
                    Kind::Android => ExampleDevice::android(locale, content.as_deref()),
                    Kind::AndroidData => ExampleDevice::android(locale, content.as_deref()).with_data_messages(),
                });
                let dry_run = dry_run || device.is_some();
                Command::Send(SendCommand { events: EventsFile::read(&file)?, dry_run, device })
            }
            Self::Replay { force, dry_run, files } => {
                let files = files.iter().map(|file| EventsFile::read(file)).collect::<Result<_, _>>()?;
                Command::Replay { files, force, dry_run }
            }
            Self::DeadLetters(words) => Command::DeadLetters(match words {
                DeadLetterWords::List => DeadLettersCommand::List,
                DeadLetterWords::Show { ids } => DeadLettersCommand::Show(ids),
                DeadLetterWords::Drop { all: true, .. } => DeadLettersCommand::DropAll,
                DeadLetterWords::Drop { all: false, ids } => DeadLettersCommand::Drop(ids),
            }),
            Self::Installations(words) => Command::Installations(match words {
                InstallationWords::Show { id } => InstallationsCommand::Show(id),
                InstallationWords::Put { id, file } => InstallationsCommand::Put { id, body: Input::read(&file)? },
                InstallationWords::Delete { id } => InstallationsCommand::Delete(id),
                InstallationWords::List { person } => InstallationsCommand::List(person),
            }),
            Self::Forget { dry_run, person } => Command::Forget { person, dry_run },
        };
        Ok(Task::Command(Box::new(command)))
    }
}

impl FileError {
    /// Whether what was read is wrong, and not how it was to be read.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Events(error) => error.is_about_data(),
            Self::Input(error) => error.is_about_data(),
            Self::AppFolder(_) => true,
        }
    }
}

/// The error and clap's suggestion in one line, without the usage.
pub fn in_one_line(error: &clap::Error) -> String {
    let told = error.to_string();
    let is_usage = |text: &str| text.starts_with("Usage:") || text.starts_with("For more information");
    let paragraphs = told.trim_start_matches("error: ").split("\n\n").filter(|text| !is_usage(text));
    let lines = paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}
