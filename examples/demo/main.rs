//! The product on one machine: every sample event goes in as the Functions host would hand it over, and what four
//! phones would get comes out of the Notification Hubs emulator. No account, no setting, no storage.
//!
//! Handler and emulator run in this process and talk over loopback; the handler is told everything by values. This is
//! no test: what each event deserves is decided in `tests/`. It only says so when something plainly went wrong.

#![expect(clippy::print_stdout, reason = "a demo is there to be watched")]
#![expect(clippy::print_stderr, reason = "its own faults belong beside what is watched, not in it")]

mod backstage;
// What the tests look for, in the same way.
#[path = "../../tests/handler/canaries.rs"]
#[allow(dead_code, reason = "the tests plant more")]
mod canaries;
mod offers;
mod samples;
mod search;
mod story;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use acs_push::{Config, ConfigError, Handler};
use backstage::Backstage;
use notification_hubs_emulator::{Emulator, HubOptions, Options, Page, ReceivedRequest, Rule};
use samples::Sample;
use table::Summary;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::oneshot;

type Failure = Box<dyn std::error::Error>;

const HUB: &str = "acs-push-dev";
const VOIP_HUB: &str = "acs-push-voip";

/// The ports of `func start` and of the emulator, so that tabs and `curl` lines outlive the demo. Where one is taken, the system
/// chooses another.
const HANDLER_PORT: u16 = 7071;
const PAGE_PORT: u16 = 7090;

const MY_PHONE: &str = r#"{"phoneNumbers":["+14255550123"],"platform":"fcmv1","pushChannel":"my-phone-token"}"#;
/// It has no `eventTime`, so it never grows old.
const MY_SMS: &str = concat!(
    r#"{"Data":{"event":{"id":"my-sms-1","eventType":"Microsoft.Communication.SMSReceived","#,
    r#""subject":"/phonenumber/14255550123","data":{"messageId":"my-sms-1","#,
    r#""from":"14255550199","to":"14255550123","message":"Hello from curl"}}}}"#,
);

/// What `sysexits.h` calls `EX_USAGE`.
const BAD_USAGE: u8 = 64;

const HELP: &str = "\
demo: posts every sample event and shows which pushes come of it

Usage: cargo run --release --example demo [-- --once]

  --once    end after the table instead of waiting for events of your own
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    let once = match words[..] {
        [] => false,
        ["--once"] => true,
        ["--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("demo: unexpected arguments {arguments:?}\n\n{HELP}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    match run(once).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(once: bool) -> Result<(), Failure> {
    // `apns-topic` belongs to a hub, so calls have one of their own. Each has a key of its own that may send only.
    let hub = |name: &str, bundle_id: &str| HubOptions {
        bundle_id: Some(bundle_id.to_owned()),
        rules: vec![Rule::send_only(format!("key-of-{name}"), format!("second-key-of-{name}"))],
        ..HubOptions::new(name)
    };
    let hubs = vec![hub(HUB, "com.example.demo"), hub(VOIP_HUB, "com.example.demo.voip")];
    let listener = match TcpListener::bind(("127.0.0.1", HANDLER_PORT)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind("127.0.0.1:0").await?,
    };
    let handler_url = format!("http://{}", listener.local_addr()?);
    let samples = samples::read_all()?;
    let page = Page {
        phones: backstage::phones(),
        samples: offers::of(&samples),
        post_to: Some(format!("{handler_url}/EventGridTrigger")),
    };
    let options = Options { port: PAGE_PORT, hubs, rules: Vec::new(), page, ..Options::default() };
    let emulator = match Emulator::start(options.clone()).await {
        Ok(emulator) => emulator,
        Err(_) => Emulator::start(Options { port: 0, ..options }).await?,
    };
    let mut received = emulator.subscribe();
    if !once {
        println!("The phones, in a browser:  {}/\n", emulator.url());
    }

    let settings = settings(&emulator);
    search::keep_lines();
    let handler = handler(&settings)?;
    let (stop, stopped) = oneshot::channel::<()>();
    // It stops when `stop` is dropped, too.
    let serving = tokio::spawn(handler.serve(listener, async { drop(stopped.await) }));

    let backstage = Backstage::new(&handler_url)?;
    let (problems, mut answers) = perform(&samples, &backstage, &mut received).await?;
    answers.push_str(&backstage.status().await?);
    if let Some(found) = search::find(&search::planted(&samples, &settings), &answers) {
        return Err(format!("what is on phones is in the handler's lines or answers: {found}").into());
    }
    if !once {
        backstage.sign_in(&offers::person()).await?;
        invite(&handler_url, &emulator.url());
        tokio::select! {
            () = watch(&mut received) => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
    }
    drop((stop, backstage));
    serving.await?;
    emulator.stop().await;
    if problems == 0 { Ok(()) } else { Err(format!("{problems} failures or refusals, see above").into()) }
}

fn settings(emulator: &Emulator) -> [(&'static str, String); 6] {
    let connection_string = |hub| emulator.connection_string_of(hub).unwrap_or_default();
    [
        ("NOTIFICATION_HUB_CONNECTION_STRING", connection_string(HUB)),
        ("NOTIFICATION_HUB_NAME", HUB.to_owned()),
        ("NOTIFICATION_HUB_VOIP_CONNECTION_STRING", connection_string(VOIP_HUB)),
        ("NOTIFICATION_HUB_VOIP_NAME", VOIP_HUB.to_owned()),
        ("STORE", "memory:".to_owned()),
        // The samples are dated.
        ("EXPIRE_EVENTS", "false".to_owned()),
    ]
}

fn handler(settings: &[(&'static str, String)]) -> Result<Handler, ConfigError> {
    Handler::new(&Config::from_vars(settings.iter().cloned())?)
}

/// Posts the samples one after the other, so that whatever the hub received since the last one belongs to this one.
/// Counts what should not have happened, and keeps what was answered.
async fn perform(
    samples: &[Sample],
    backstage: &Backstage,
    received: &mut Receiver<ReceivedRequest>,
) -> Result<(usize, String), Failure> {
    let started = Instant::now();
    let mut answers = String::new();
    let mut summary = Summary::default();
    table::print_head();
    for sample in samples {
        if let Some(recipient) = sample.recipient() {
            backstage.sign_in(&recipient).await?;
        }
        let answer = backstage.post(&sample.event).await?;
        let mut pushes = Vec::new();
        while let Ok(push) = received.try_recv() {
            pushes.push(push);
        }
        // All phones are served at once: any may come first.
        pushes.sort_by(|one, other| one.format.cmp(&other.format));
        table::print_event(sample, &answer);
        pushes.iter().for_each(table::print_push);
        summary.add(&answer, &pushes);
        answers.push_str(&answer.body);
    }
    summary.print(started.elapsed());
    Ok((summary.problems, answers))
}

fn invite(handler: &str, emulator: &str) {
    println!(
        r"
Handler    {handler}
Emulator   {emulator}/  shows the phones, and posts any of the events above

Register a phone of your own, as your backend would:
curl -w '\n' -X PUT {handler}/api/installations/my-phone -H 'Content-Type: application/json' -d '{MY_PHONE}'

Post it an SMS, as the Functions host would (the same id once more is a duplicate, so count it up):
curl -w '\n' {handler}/EventGridTrigger -H 'Content-Type: application/json' -d '{MY_SMS}'

See all that the hubs received:
curl {emulator}/_emulator/requests

Waiting for pushes; Ctrl-C ends the demo."
    );
}

/// Shows each request that the hub receives, until the emulator is gone.
async fn watch(received: &mut Receiver<ReceivedRequest>) {
    loop {
        match received.recv().await {
            Ok(push) => table::print_push(&push),
            Err(RecvError::Lagged(missed)) => println!("  … and {missed} more"),
            Err(RecvError::Closed) => return,
        }
    }
}
