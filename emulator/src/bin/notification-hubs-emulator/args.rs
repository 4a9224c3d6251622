//! Parses the command line into [`Start`]. All defaults but the port are those of the library.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use notification_hubs_emulator::{Budget, DeviceState, FrontEnd, HubOptions, Mode, Options, Right, Rule, Tier};

/// Fixed, so that a pasted connection string survives a restart.
const PORT: u16 = 7090;

pub(crate) const HELP: &str = "\
An emulator of Azure Notification Hubs on loopback.

Usage: notification-hubs-emulator [OPTIONS]

  --port N       TCP port on 127.0.0.1 (default 7090; 0 lets the system choose)
  --hub HUB      a hub; may be repeated (default acs-push-dev, and acs-push-voip for VoIP pushes)
                 NAME[:free|basic|standard][,bundle=ID][,no-apns][,no-fcm][,budget=N/SECONDS]
  --rule RULE    a shared access rule of every hub, or of HUB alone; may be repeated
                 (default: one with all rights, and for each default hub one with the right to send)
                 [HUB/]NAME=KEY[,SECONDARYKEY][:send+listen+manage]
  --strict       answer 400 to what could never be delivered (default)
  --faithful     answer 201 to it, as the service does, and print a warning
  --faults FILE  add the faults in this JSON file, as POST /_emulator/faults does
  --device HANDLE=STATE
                 a device that is expired, unregistered or throttled; may be repeated
  --clock-skew SECONDS
                 how long after its expiry a token is still valid (default 0)
  --telemetry-delay MS
                 for how long telemetry answers 404, then for how long it says Processing (default 0)
  --batch-in-location
                 put $batch into the Location of a batch, as in one recorded answer of the service
  --tls          take https and HTTP/2 beside plain HTTP on the same port; print CA_FILE, the file
                 with the certificate that clients must trust
  --front-end-before-2022
                 answer in the form that the service had before 2022
  --help         print this
  --version      print the version

It prints the settings for acs-push, then one line per request. A browser shows phones at its
address, curl a list of the controls.
";

#[derive(Debug)]
pub(crate) enum Command {
    Run(Box<Start>),
    Help,
    Version,
}

/// The options of the emulator, and the faults and device states to set before the first request.
#[derive(Debug, Default)]
pub(crate) struct Start {
    pub(crate) options: Options,
    pub(crate) faults: Option<PathBuf>,
    pub(crate) devices: Vec<(String, DeviceState)>,
}

/// Why the command line is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    #[error(transparent)]
    Syntax(#[from] lexopt::Error),
    #[error("--hub: expected free, basic or standard, not {0:?}")]
    Tier(String),
    #[error("--hub: expected bundle=ID, no-apns, no-fcm or budget=N/SECONDS, not {0:?}")]
    HubPart(String),
    #[error("--hub: expected budget=N/SECONDS, both 1 or more, not {0:?}")]
    Budget(String),
    #[error("--rule: expected [HUB/]NAME=KEY[,SECONDARYKEY][:RIGHTS]")]
    Rule,
    #[error("--rule: there is no hub {0:?}; --hub adds one")]
    RuleOfNoHub(String),
    #[error("--rule: expected send, listen or manage, not {0:?}")]
    Right(String),
    #[error("--device: expected HANDLE=expired, HANDLE=unregistered or HANDLE=throttled")]
    Device,
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, ArgsError> {
    let mut parser = Parser::from_iter(args);
    let (mut hubs, mut rules) = (Vec::new(), Vec::new());
    let mut start = Start { options: Options { port: PORT, ..Options::default() }, ..Start::default() };
    let options = &mut start.options;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("port") => options.port = parser.value()?.parse()?,
            Arg::Long("hub") => hubs.push(hub(&parser.value()?.string()?)?),
            Arg::Long("rule") => rules.push(rule(&parser.value()?.string()?)?),
            Arg::Long("strict") => options.mode = Mode::Strict,
            Arg::Long("faithful") => options.mode = Mode::Faithful,
            Arg::Long("faults") => start.faults = Some(parser.value()?.into()),
            Arg::Long("device") => start.devices.push(device(&parser.value()?.string()?)?),
            Arg::Long("telemetry-delay") => {
                options.telemetry_delay = Duration::from_millis(parser.value()?.parse()?);
            }
            Arg::Long("clock-skew") => options.clock_skew = Duration::from_secs(parser.value()?.parse()?),
            Arg::Long("batch-in-location") => options.batch_in_location = true,
            Arg::Long("tls") => options.tls = true,
            Arg::Long("front-end-before-2022") => options.front_end = FrontEnd::Before2022,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
        }
    }
    if !hubs.is_empty() {
        options.hubs = hubs;
    }
    if !rules.is_empty() {
        options.rules.clear();
        options.hubs.iter_mut().for_each(|hub| hub.rules.clear());
    }
    for (hub, rule) in rules {
        let rules = match hub {
            None => &mut options.rules,
            Some(name) => match options.hubs.iter_mut().find(|hub| hub.name == name) {
                Some(hub) => &mut hub.rules,
                None => return Err(ArgsError::RuleOfNoHub(name)),
            },
        };
        rules.push(rule);
    }
    Ok(Command::Run(Box::new(start)))
}

fn hub(text: &str) -> Result<HubOptions, ArgsError> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let (name, tier) = name.split_once(':').unwrap_or((name, "standard"));
    let mut hub = HubOptions::new(name);
    hub.tier = match tier {
        "free" => Tier::Free,
        "basic" => Tier::Basic,
        "standard" => Tier::Standard,
        _ => return Err(ArgsError::Tier(tier.to_owned())),
    };
    for part in parts {
        match part.split_once('=') {
            Some(("bundle", id)) => hub.bundle_id = Some(id.to_owned()),
            Some(("budget", text)) => {
                hub.budget = Some(budget(text).ok_or_else(|| ArgsError::Budget(text.to_owned()))?);
            }
            None if part == "no-apns" => hub.apns = false,
            None if part == "no-fcm" => hub.fcm_v1 = false,
            Some(_) | None => return Err(ArgsError::HubPart(part.to_owned())),
        }
    }
    Ok(hub)
}

/// `100/60`: a hundred sends in a minute.
fn budget(text: &str) -> Option<Budget> {
    let (sends, seconds) = text.split_once('/')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
    Some(Budget { sends: number(sends)?, per: Duration::from_secs(number(seconds)?.into()) })
}

/// A device handle may contain any character, also `=`.
fn device(text: &str) -> Result<(String, DeviceState), ArgsError> {
    let (handle, state) = text.rsplit_once('=').ok_or(ArgsError::Device)?;
    let state = match state {
        "expired" => DeviceState::Expired,
        "unregistered" => DeviceState::Unregistered,
        "throttled" => DeviceState::Throttled,
        _ => return Err(ArgsError::Device),
    };
    Ok((handle.to_owned(), state))
}

/// The hub on which the rule is valid (`None` for every hub), and the rule. A hub's name may contain `/`. A key is base64:
/// it may contain `=`, `/` and `+`, but not `,` or `:`.
fn rule(text: &str) -> Result<(Option<String>, Rule), ArgsError> {
    let (name, rest) = text.split_once('=').ok_or(ArgsError::Rule)?;
    let (hub, name) = name.rsplit_once('/').map_or((None, name), |(hub, name)| (Some(hub.to_owned()), name));
    let (keys, rights) = rest.split_once(':').unwrap_or((rest, "send+listen+manage"));
    let (primary, secondary) = keys.split_once(',').unwrap_or((keys, keys));
    if [name, primary, secondary].contains(&"") {
        return Err(ArgsError::Rule);
    }
    let rights = rights.split('+').map(|right| match right {
        "send" => Ok(Right::Send),
        "listen" => Ok(Right::Listen),
        "manage" => Ok(Right::Manage),
        _ => Err(ArgsError::Right(right.to_owned())),
    });
    let rule = Rule {
        name: name.to_owned(),
        primary_key: primary.to_owned(),
        secondary_key: secondary.to_owned(),
        rights: rights.collect::<Result<_, _>>()?,
    };
    Ok((hub, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Command, ArgsError> {
        parse(std::iter::once("emulator").chain(args.iter().copied()).map(OsString::from))
    }

    fn start(args: &[&str]) -> Start {
        let command = read(args).unwrap();
        let Command::Run(start) = command else { panic!("{command:?}") };
        *start
    }

    fn options(args: &[&str]) -> Options {
        start(args).options
    }

    #[test]
    fn no_argument_starts_the_default_hubs_on_the_fixed_port() {
        let options = options(&[]);
        assert_eq!((options.port, options.mode), (7090, Mode::Strict));
        let hubs: Vec<_> = options.hubs.iter().map(|hub| (hub.name.as_str(), hub.rules.len())).collect();
        assert_eq!(hubs, [("acs-push-dev", 1), ("acs-push-voip", 1)]);
    }

    #[test]
    fn a_hub_takes_tier_bundle_id_and_missing_credentials() {
        let options = options(&["--hub", "a", "--hub=b:free,bundle=com.x.voip,no-fcm,no-apns"]);
        let [a, b] = options.hubs.as_slice() else { panic!("{options:?}") };
        assert_eq!((a.name.as_str(), a.tier, a.apns, a.fcm_v1), ("a", Tier::Standard, true, true));
        assert_eq!((b.name.as_str(), b.tier, b.apns, b.fcm_v1), ("b", Tier::Free, false, false));
        assert_eq!(b.bundle_id.as_deref(), Some("com.x.voip"));
    }

    #[test]
    fn a_rule_takes_two_keys_and_rights() {
        let options = options(&["--rule", "all=a+/=", "--rule", "r=a==,b=:send+listen"]);
        let [all, some] = options.rules.as_slice() else { panic!("{options:?}") };
        assert_eq!((all.primary_key.as_str(), all.secondary_key.as_str()), ("a+/=", "a+/="));
        assert_eq!(all.rights, [Right::Send, Right::Listen, Right::Manage]);
        assert_eq!((some.primary_key.as_str(), some.secondary_key.as_str()), ("a==", "b="));
        assert_eq!(some.rights, [Right::Send, Right::Listen]);
    }

    #[test]
    fn a_rule_belongs_to_one_hub_where_it_names_one() {
        let args = ["--rule", "a/b/r=k/=:send", "--hub", "a/b", "--rule", "all=k", "--hub", "c"];
        let options = options(&args);
        let names = |rules: &[Rule]| rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&options.rules), ["all"]);
        let [ab, c] = options.hubs.as_slice() else { panic!("{options:?}") };
        assert_eq!((names(&ab.rules), names(&c.rules)), (vec!["r".to_owned()], Vec::new()));
        assert_eq!((ab.rules[0].primary_key.as_str(), ab.rules[0].rights.as_slice()), ("k/=", &[Right::Send][..]));
        let of_a_default_hub = start(&["--rule", "acs-push-voip/r=k"]).options;
        assert_eq!(names(&of_a_default_hub.hubs[1].rules), ["r"]);
        assert!(of_a_default_hub.rules.is_empty() && of_a_default_hub.hubs[0].rules.is_empty());
    }

    #[test]
    fn faults_devices_and_delays_are_parsed() {
        let args = [
            "--faults",
            "a.json",
            "--device",
            "a=b=expired",
            "--telemetry-delay",
            "500",
            "--clock-skew=300",
            "--batch-in-location",
            "--tls",
            "--front-end-before-2022",
        ];
        let start = start(&args);
        assert_eq!(start.faults, Some(PathBuf::from("a.json")));
        assert_eq!(start.devices, [("a=b".to_owned(), DeviceState::Expired)]);
        assert_eq!(start.options.telemetry_delay, Duration::from_millis(500));
        assert_eq!(start.options.clock_skew, Duration::from_secs(300));
        assert!(start.options.batch_in_location && start.options.tls);
        assert_eq!(start.options.front_end, FrontEnd::Before2022);
        let budget = options(&["--hub", "a,budget=100/60"]).hubs[0].budget;
        assert_eq!(budget, Some(Budget { sends: 100, per: Duration::from_secs(60) }));
    }

    #[test]
    fn an_invalid_argument_is_named() {
        for (args, wanted) in [
            (["--hub", "a:gold"], "expected free, basic or standard, not \"gold\""),
            (["--hub", "a,no-wns"], "not \"no-wns\""),
            (["--hub", "a,budget=0/1"], "not \"0/1\""),
            (["--device", "a=gone"], "expected HANDLE=expired"),
            (["--rule", "a"], "expected [HUB/]NAME=KEY"),
            (["--rule", "a=:send"], "expected [HUB/]NAME=KEY"),
            (["--rule", "acs-push-dev/=k"], "expected [HUB/]NAME=KEY"),
            (["--rule", "acs-push/r=k"], "there is no hub \"acs-push\""),
            (["--rule", "a=k:write"], "expected send, listen or manage, not \"write\""),
            (["--port", "x"], "cannot parse"),
            (["--prot", "1"], "--prot"),
        ] {
            let text = read(&args).unwrap_err().to_string();
            assert!(text.contains(wanted), "{args:?}: {text}");
        }
    }
}
