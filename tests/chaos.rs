//! The short chaos run: handlers are killed, the hub fails, Event Grid repeats, and nothing is lost or shown twice
//! without a reason. The long run of the same is `examples/chaos`.

#[path = "../examples/chaos/scenario.rs"]
#[allow(dead_code, reason = "only tests with foreign components use Azurite")]
mod scenario;

use scenario::{Failure, Options};

/// Another one each time would find more, and a test that fails now and then is worth less.
const SEED: u64 = 20_261_122;

async fn chaos(options: Options) -> Result<(), Failure> {
    let verdict = scenario::run(&options, |_| {}).await?;
    assert!(verdict.holds(), "{verdict}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_lost_and_no_double_lacks_a_reason() -> Result<(), Failure> {
    chaos(Options::short(env!("CARGO_BIN_EXE_acs-push").into(), SEED)).await
}

#[tokio::test]
async fn nothing_is_lost_through_the_webhook_either() -> Result<(), Failure> {
    let short = Options::short(env!("CARGO_BIN_EXE_acs-push").into(), SEED);
    chaos(Options { webhook: true, ..short }).await
}

#[cfg(feature = "foreign-tests")]
#[tokio::test]
async fn nothing_is_lost_on_azurite_either() -> Result<(), Failure> {
    let short = Options::short(env!("CARGO_BIN_EXE_acs-push").into(), SEED);
    chaos(Options { store: scenario::StoreKind::Azurite, ..short }).await
}
